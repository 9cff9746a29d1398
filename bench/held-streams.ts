import { Caller, type CallOptions } from './generator.ts';

export interface HeldOptions extends Pick<CallOptions, 'port' | 'request' | 'expectation'> {
  readonly streams: number;
  /** Over how long the streams are opened, evenly. */
  readonly rampMs: number;
}

/** Many paced streams held open at once; each is read to its proper end. */
export interface HeldStreams {
  /** Events received so far over all streams. */
  events(): number;
  /** Streams that have begun and not yet ended. */
  open(): number;
  /** Streams that were read to their proper end. */
  answered(): number;
  readonly failures: readonly string[];
  /** Waits until every stream has ended or failed. Streams still open after `graceMs` are failures, and are closed. */
  finish(graceMs: number): Promise<void>;
}

const RAMP_STEP_MS = 10;

/** Opens the streams; resolves when all requests are sent. */
export async function holdStreams(options: HeldOptions): Promise<HeldStreams> {
  const { port, request, expectation, streams, rampMs } = options;
  const failures: string[] = [];
  const count = { events: 0, open: 0, over: 0, answered: 0 };
  const callers: Caller[] = [];
  const over = (): void => {
    count.over += 1;
  };
  const startOne = async (): Promise<void> => {
    let hasBegun = false;
    const caller: Caller = await Caller.open({
      port,
      request,
      expectation,
      onFirstBody: () => {
        hasBegun = true;
        count.open += 1;
      },
      onEvents: (events) => {
        count.events += events;
      },
      onReply: () => {
        count.open -= 1;
        count.answered += 1;
        caller.close();
        over();
      },
      onFailure: (reason) => {
        failures.push(reason);
        if (hasBegun) count.open -= 1;
        over();
      },
    });
    callers.push(caller);
    caller.call();
  };
  const perStep = Math.ceil((streams * RAMP_STEP_MS) / rampMs);
  for (let opened = 0; opened < streams; opened += perStep) {
    const now = Math.min(perStep, streams - opened);
    await Promise.all(Array.from({ length: now }, startOne));
    await Bun.sleep(RAMP_STEP_MS);
  }
  const finish = async (graceMs: number): Promise<void> => {
    const deadline = performance.now() + graceMs;
    while (count.over < streams && performance.now() < deadline) await Bun.sleep(RAMP_STEP_MS);
    if (count.over === streams) return;
    failures.push(`${streams - count.over} streams had not ended ${graceMs} ms after they should have`);
    for (const caller of callers) caller.close();
  };
  return { events: () => count.events, open: () => count.open, answered: () => count.answered, failures, finish };
}
