import { parseSource } from './document.ts';
import { isLitellmFile, readLitellmFile } from './litellm.ts';
import type { ReadContext, ReadResult } from './read-context.ts';
import { readTurnpikeFile } from './turnpike-file.ts';

/** Reads a configuration in whichever of the two forms it is written: Turnpike's own, or LiteLLM's. */
export async function readConfigurationText(text: string, context: ReadContext): Promise<ReadResult> {
  const parsed = parseSource(text, context.file);
  if (parsed.document !== undefined && isLitellmFile(parsed.document.value)) return readLitellmFile(text, context);
  if (parsed.document === undefined) return { configuration: undefined, report: [], problems: parsed.problems };
  return { ...readTurnpikeFile(parsed.document, context.path, context.environment), report: [] };
}
