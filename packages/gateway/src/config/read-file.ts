import type { Configuration, Environment } from './configuration.ts';
import { parseSource } from './document.ts';
import { isLitellmFile, readLitellmFile } from './litellm.ts';
import type { Problem } from './problem.ts';
import { readTurnpikeFile } from './turnpike-file.ts';

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

/** Reads a configuration in whichever of the two forms it is written: Turnpike's own, or LiteLLM's. */
export async function readConfigurationText(text: string, context: ReadContext): Promise<ReadResult> {
  const parsed = parseSource(text, context.file);
  if (parsed.document !== undefined && isLitellmFile(parsed.document.value)) return readLitellmFile(text, context);
  if (parsed.document === undefined) return { configuration: undefined, report: [], problems: parsed.problems };
  return { ...readTurnpikeFile(parsed.document, context.path, context.environment), report: [] };
}
