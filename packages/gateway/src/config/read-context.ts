import type { Configuration, Environment } from './configuration.ts';
import type { Problem } from './problem.ts';

export interface ReadContext {
  /** The name shown in problems. */
  file: string;
  /** Its absolute path. */
  path: string;
  environment: Environment;
  /** Reads a file that another one includes. @returns the problem when it cannot be read. */
  readInclude: (path: string) => Promise<string | Problem>;
}

export type ReadResult =
  | { configuration: Configuration; report: string[]; problems: [] }
  | { configuration: undefined; report: string[]; problems: Problem[] };
