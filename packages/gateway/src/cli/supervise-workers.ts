import { Log } from '../telemetry/log.ts';
import type { ServeOptions } from './options.ts';
import { Supervisor } from './supervisor.ts';

/** Serves with several processes until told to stop. @throws StartError when they cannot start */
export async function superviseWorkers({ configFile, host, port }: ServeOptions, workers: number): Promise<void> {
  const onGivenUp = (why: string) => {
    process.stderr.write(`Turnpike has stopped: its workers end again and again.\n\n${why}\n`);
    process.exit(1);
  };
  const supervisor = new Supervisor({ workers, configFile, host, port, log: new Log(), onGivenUp });
  let isStopping = false;
  const stop = async () => {
    // A second signal means: now.
    if (isStopping) {
      supervisor.kill();
      process.exit(1);
    }
    isStopping = true;
    process.stderr.write('Stopping: running streams may end first. A second signal stops at once.\n');
    await supervisor.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.on('SIGHUP', () => supervisor.reload());
  const { report, banner } = await supervisor.start();
  for (const line of report) process.stderr.write(`${line}\n`);
  process.stdout.write(banner);
}
