import type { BillEntry } from './bill.ts';
import type { FaultSpec } from './faults/fault-spec.ts';
import { startRawServer } from './http/raw-server.ts';
import type { EmulatorOptions, FaultOptions, ScriptOptions } from './options.ts';
import { Playbook } from './playbook.ts';
import type { ReceivedRequest } from './received.ts';
import { CaseIndex, readCorpus } from './replay/corpus.ts';
import type { Turn } from './turn.ts';

export interface Emulator {
  /** `http://host:port`, no path: any prefix may follow. */
  readonly url: string;
  readonly port: number;
  /** What came in, oldest first. */
  readonly requests: readonly ReceivedRequest[];
  /** What was served, oldest first; the entries of running answers are filled in when they end. */
  readonly bill: readonly BillEntry[];
  /** Turns to answer with, one request each. Several scripts wait in line; those whose `when` does not fit are passed over. */
  script(turns: Turn[], options?: ScriptOptions): void;
  /** Answer every following request with the case `provider/name`, or, with `undefined`, by matching again. */
  serve(caseName: string | undefined): void;
  /** Spoil coming answers. `spec` also in text form: `stall,after=2`, `slow-first-byte,500+cut-reset,3`. */
  fault(spec: FaultSpec | FaultSpec[] | string, options?: FaultOptions): void;
  /** Resolves when every answer begun is over. @throws after `timeoutMs` (default 5,000). */
  idle(timeoutMs?: number): Promise<void>;
  /** Forgets scripts, faults, the forced case, requests and bill. Running answers go on unrecorded. */
  reset(): void;
  /** Closes all connections at once and stops listening. */
  stop(): Promise<void>;
}

/** Starts a stand-in for providers of both dialects. @throws when the port is taken or the corpus cannot be read. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const hostname = options.hostname ?? '127.0.0.1';
  const cases = options.corpus === undefined ? [] : await readCorpus(options.corpus, options.corpusFilter);
  const playbook = new Playbook(options, new CaseIndex(cases));
  const server = await startRawServer({
    hostname,
    port: options.port ?? 0,
    handler: (raw, gone) => playbook.answer(raw, gone),
  });
  return {
    url: `http://${hostname}:${server.port}`,
    port: server.port,
    get requests() {
      return playbook.requests;
    },
    get bill() {
      return playbook.bill;
    },
    script: (turns, scriptOptions) => playbook.script(turns, scriptOptions),
    serve: (caseName) => playbook.serve(caseName),
    fault: (spec, faultOptions) => playbook.fault(spec, faultOptions),
    idle: (timeoutMs) => playbook.idle(timeoutMs),
    reset: () => playbook.reset(),
    stop: () => server.stop(),
  };
}
