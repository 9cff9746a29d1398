import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Configuration, type Environment, emptyConfiguration } from './configuration.ts';
import type { Problem } from './problem.ts';
import { describeAvailability } from './report.ts';

export interface LoadOptions {
  /** The file to read. Absent: `TURNPIKE_CONFIG`, then `turnpike.yaml` in `directory`, and none is fine too. */
  file?: string;
  environment: Environment;
  /** Default: the working directory. */
  directory?: string;
}

/** Either a configuration that can be put in force, or everything that is wrong with it. */
export type Loaded =
  | { configuration: Configuration; report: string[]; problems: [] }
  | { configuration: undefined; report: string[]; problems: Problem[] };

const fileBytesMax = 4 * 1024 * 1024;

/**
 * Reads and checks the configuration as a whole. `report` says, a line each, what is worth knowing but no error:
 * endpoints that lack a credential, and what of a LiteLLM file is not done here. Never throws for what is in the file.
 */
export async function loadConfiguration(options: LoadOptions): Promise<Loaded> {
  const { environment } = options;
  const file = options.file ?? (await findConfigurationFile(options.directory ?? process.cwd(), environment));
  if (file === undefined) {
    return {
      configuration: emptyConfiguration,
      report: describeAvailability(emptyConfiguration, environment),
      problems: [],
    };
  }
  const path = resolve(options.directory ?? process.cwd(), file);
  const text = await readText(path);
  if (typeof text !== 'string') return { configuration: undefined, report: [], problems: [{ ...text, file }] };
  // Loaded only when there is a file: the YAML reader and the schema take 20 MB of memory.
  const { readConfigurationText } = await import('./read-file.ts');
  const read = await readConfigurationText(text, { file, path, environment, readInclude: readText });
  if (read.configuration === undefined) return read;
  const report = [...read.report, ...describeAvailability(read.configuration, environment)];
  return { configuration: read.configuration, report, problems: [] };
}

/** The file that is read when none was named. @returns undefined when there is none. */
export async function findConfigurationFile(directory: string, environment: Environment): Promise<string | undefined> {
  const named = environment.TURNPIKE_CONFIG;
  if (named !== undefined && named !== '') return named;
  for (const name of ['turnpike.yaml', 'turnpike.yml']) {
    const found = await stat(join(directory, name)).catch(noSuchFile);
    if (found?.isFile() === true) return name;
  }
  return undefined;
}

function noSuchFile(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT') return undefined;
  throw error;
}

/** @returns the text, or the problem with the file. */
async function readText(path: string): Promise<string | Problem> {
  const problem = (message: string, hint: string) => ({ file: path, line: 0, column: 0, path: '', message, hint });
  try {
    const { size } = await stat(path);
    if (size > fileBytesMax) return problem(`the file has ${size} bytes`, `At most ${fileBytesMax} are read.`);
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return problem('there is no such file', 'Check the path.');
    return problem(`the file cannot be read (${code ?? 'unknown reason'})`, 'Check its kind and permissions.');
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
