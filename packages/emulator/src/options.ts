import type { ReceivedRequest } from './received.ts';
import type { CaseFilter } from './replay/corpus.ts';
import type { Split } from './replay/split.ts';

export interface EmulatorOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default `127.0.0.1`. */
  hostname?: string;
  /** Folder of recorded cases to answer from. */
  corpus?: string;
  corpusFilter?: CaseFilter;
  /** How bodies are cut into writes. Default `recorded`. */
  split?: Split;
  /** Wait between writes of a body, in milliseconds. Default: none. */
  paceMs?: number;
  /** Refuse every other key with 401. Default: all are welcome. */
  apiKey?: string;
  /** Models to list. Default: those of the sandbox. */
  models?: string[];
  /** Who answers what no script and no recording answers. Default: `sandbox` without a corpus, `not-found` with one. */
  otherwise?: 'sandbox' | 'not-found';
  /** Requests and bill entries kept, the oldest go first. Defaults 10,000 and 100,000. */
  requestsMax?: number;
  billMax?: number;
}

export interface ScriptOptions {
  /** Only requests this is true for consume a turn. Default: all generations. */
  when?: (request: ReceivedRequest) => boolean;
  /** Start over after the last turn. Default: no. */
  repeat?: boolean;
}

export interface FaultOptions {
  /** How many requests it strikes. Default 1; `Infinity` until reset. */
  times?: number;
  /** Which requests. Default: all generations. */
  when?: (request: ReceivedRequest) => boolean;
}
