import { startGateway } from '../compose.ts';
import { banner } from './banner.ts';
import type { ServeOptions } from './options.ts';

/** Serves in this process until it is told to stop. @throws StartError, StoreError */
export async function serveUntilSignal({ configFile, port, host }: ServeOptions): Promise<void> {
  const gateway = await startGateway({ configFile, port, host, environment: process.env });
  for (const line of gateway.report) process.stderr.write(`${line}\n`);
  process.stdout.write(banner(gateway));
  // What building the house left behind, some 3 MB of garbage and of code that ran for the last time, is let go. Only
  // here: later this would throw away what the compilers learned from the traffic.
  Bun.shrink();

  process.on('SIGHUP', () => void gateway.reload());
  let isStopping = false;
  const stop = async () => {
    // A second signal means: now.
    if (isStopping) process.exit(1);
    isStopping = true;
    process.stderr.write('Stopping: running streams may end first. A second signal stops at once.\n');
    await gateway.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}
