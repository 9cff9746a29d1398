import { startGateway } from '../compose.ts';
import type { WorkerOrder, WorkerReady } from '../fleet/worker-order.ts';
import { WorkerSeat } from '../fleet/worker-seat.ts';
import type { Gateway } from '../gateway.ts';
import { StartError } from '../start-error.ts';
import { StoreError } from '../store/store.ts';
import { Log } from '../telemetry/log.ts';
import { banner } from './banner.ts';

/** Less than a new start waits for those that a parent left behind: what they spend is to be known by then. */
const ORPHAN_GRACE_MS = 2_500;

/** One of the processes of `--workers`: a gateway on a port that it shares with its siblings. Started by their parent only. */
async function work(order: WorkerOrder): Promise<void> {
  const { worker, workers, node, configFile, host, port, shared } = order;
  let gateway: Gateway | undefined;
  let isStopping = false;
  const stop = async (graceMsMax?: number) => {
    if (isStopping) return;
    isStopping = true;
    await gateway?.stop(graceMsMax);
    process.exit(0);
  };
  const seat = new WorkerSeat(node, {
    onStop: () => void stop(),
    onOrphaned: () => void stop(ORPHAN_GRACE_MS),
    onReload: () => void gateway?.reload(),
  });
  // A terminal and some service managers signal every process of a group: what then happens is the parent's to say, which
  // is why a second signal means nothing here.
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
  process.on('SIGHUP', () => undefined);
  try {
    const log = new Log({ worker });
    gateway = await startGateway({ configFile, host, port, environment: process.env, log, seat, shared });
  } catch (error) {
    if (!(error instanceof StartError) && !(error instanceof StoreError)) throw error;
    seat.report('failed', error.message);
    process.exit(1);
  }
  const ready: WorkerReady = { port: gateway.port, banner: banner(gateway, workers), report: gateway.report };
  seat.report('ready', ready);
  // As a single process does: see main.ts.
  Bun.shrink();
}

await work(JSON.parse(process.argv[2] ?? '{}') as WorkerOrder);
