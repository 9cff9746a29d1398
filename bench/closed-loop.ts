import { Caller, type CallOptions } from './generator.ts';

export interface LoopOptions extends Pick<CallOptions, 'port' | 'request' | 'expectation'> {
  /** Calls under way at once; each connection sends its next call when the reply to the last one is complete. */
  readonly concurrency: number;
  /** Not measured: connections settle. */
  readonly leadInMs: number;
  readonly windowMs: number;
  /** Reads the CPU time of the gateway so far, in µs; called at both ends of the window. */
  readonly cpuUs: () => number;
}

/** What one window gave. With any failure the rest is not to be used. */
export interface LoopWindow {
  readonly failures: readonly string[];
  readonly replies: number;
  /** Proper replies in all: also before the window began and after it ended. */
  readonly answered: number;
  readonly seconds: number;
  /** CPU time the gateway used within the window, in µs. */
  readonly cpuUs: number;
  /** From request written to reply complete, µs. */
  readonly latenciesUs: readonly number[];
  /** From request written to first byte of the body, µs. */
  readonly firstBodyUs: readonly number[];
}

/** Time that calls under way have to finish after the window; later is a failure. */
const DRAIN_MS = 15_000;

/** Loads a gateway for one window with a fixed number of calls under way. */
export async function closedLoop(options: LoopOptions): Promise<LoopWindow> {
  const { port, request, expectation } = options;
  const run = { isMeasuring: false, isStopping: false, replies: 0, answered: 0, underWay: 0 };
  const failures: string[] = [];
  const latenciesUs: number[] = [];
  const firstBodyUs: number[] = [];
  const drained = Promise.withResolvers<void>();
  const leave = (): void => {
    run.underWay -= 1;
    if (run.underWay === 0) drained.resolve();
  };
  const start = async (): Promise<Caller> => {
    const caller: Caller = await Caller.open({
      port,
      request,
      expectation,
      onFirstBody: (us) => {
        if (run.isMeasuring) firstBodyUs.push(us);
      },
      onReply: (us) => {
        run.answered += 1;
        if (run.isMeasuring) {
          run.replies += 1;
          latenciesUs.push(us);
        }
        if (run.isStopping) leave();
        else caller.call();
      },
      onFailure: (reason) => {
        failures.push(reason);
        leave();
      },
    });
    return caller;
  };
  const callers = await Promise.all(Array.from({ length: options.concurrency }, start));
  run.underWay = callers.length;
  for (const caller of callers) caller.call();
  await Bun.sleep(options.leadInMs);
  const cpuBefore = options.cpuUs();
  const startNs = Bun.nanoseconds();
  run.isMeasuring = true;
  await Bun.sleep(options.windowMs);
  run.isMeasuring = false;
  const seconds = (Bun.nanoseconds() - startNs) / 1e9;
  const cpuUs = options.cpuUs() - cpuBefore;
  run.isStopping = true;
  await withinDrainTime(drained.promise, failures);
  for (const caller of callers) caller.close();
  return { failures, replies: run.replies, answered: run.answered, seconds, cpuUs, latenciesUs, firstBodyUs };
}

async function withinDrainTime(drained: Promise<void>, failures: string[]): Promise<void> {
  const timer = Promise.withResolvers<void>();
  const handle = setTimeout(() => {
    failures.push(`a reply was not complete ${DRAIN_MS} ms after the window`);
    timer.resolve();
  }, DRAIN_MS);
  await Promise.race([drained, timer.promise]);
  clearTimeout(handle);
}
