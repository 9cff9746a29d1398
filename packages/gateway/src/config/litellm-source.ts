import { dirname, isAbsolute, join } from 'node:path';
import type { Environment } from './configuration.ts';
import { parseSource } from './document.ts';
import { environPrefix } from './interpolate.ts';
import { type Problem, renderPath } from './problem.ts';
import type { ReadContext } from './read-context.ts';

export type Mapping = Record<string, unknown>;

export interface LitellmSource {
  root: Mapping;
  /** The file and everything it includes. */
  files: string[];
  /** From `environment_variables`. */
  variables: Environment;
  report: string[];
  problems: Problem[];
}

const includesMax = 50;
/** As deep as LiteLLM itself resolves. */
const depthMax = 100;

/** Reads a LiteLLM file with what it includes, and resolves its references to the environment. */
export async function readLitellmSource(text: string, context: ReadContext): Promise<LitellmSource> {
  const source: LitellmSource = { root: {}, files: [], variables: {}, report: [], problems: [] };
  const merged = await readWithIncludes(text, context.file, context.path, context, source);
  if (merged === undefined) return source;
  source.variables = readVariables(merged.environment_variables, context.environment, source.report);
  const variables = { ...context.environment, ...source.variables };
  const resolved = resolveReferences(merged, variables, source.report);
  source.root = isMapping(resolved) ? resolved : {};
  return source;
}

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Lists of an included file extend those before it, everything else replaces it. */
async function readWithIncludes(
  text: string,
  file: string,
  path: string,
  context: ReadContext,
  source: LitellmSource,
): Promise<Mapping | undefined> {
  source.files.push(path);
  const parsed = parseSource(text, file, '1.1');
  if (parsed.document === undefined) {
    source.problems.push(...parsed.problems);
    return undefined;
  }
  const { document } = parsed;
  if (!isMapping(document.value)) {
    source.problems.push({ file, line: 1, column: 1, path: '', message: 'must be a mapping' });
    return undefined;
  }
  const { include, ...merged } = document.value;
  if (include === undefined || include === null) return merged;
  const names = Array.isArray(include) ? include : [include];
  for (const [index, name] of names.entries()) {
    const problem = (message: string, hint?: string) =>
      source.problems.push({
        file,
        ...document.locate(['include', index]),
        path: renderPath(['include', index]),
        message,
        hint,
      });
    if (typeof name !== 'string') problem('must be the name of a file');
    else if (source.files.length > includesMax)
      problem('too many files are included', `At most ${includesMax} are read.`);
    else {
      const included = isAbsolute(name) ? name : join(dirname(path), name);
      if (source.files.includes(included)) {
        problem('the file is included twice');
        continue;
      }
      const content = await context.readInclude(included);
      if (typeof content !== 'string') problem(`${name}: ${content.message}`, content.hint);
      else extend(merged, (await readWithIncludes(content, name, included, context, source)) ?? {});
    }
  }
  return merged;
}

function extend(target: Mapping, included: Mapping): void {
  for (const [key, value] of Object.entries(included)) {
    const before = target[key];
    target[key] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  }
}

function readVariables(section: unknown, environment: Environment, report: string[]): Environment {
  if (!isMapping(section)) return {};
  const resolved = resolveReferences(section, environment, report, ['environment_variables']);
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(isMapping(resolved) ? resolved : {})) {
    if (value !== null && value !== undefined && typeof value !== 'object') variables[name] = String(value);
  }
  return variables;
}

/**
 * A string that starts with `os.environ/` is replaced as a whole, by null when the variable is not set. Strings inside
 * lists stay as they are, as LiteLLM has it.
 */
function resolveReferences(
  value: unknown,
  variables: Environment,
  report: string[],
  path: readonly PropertyKey[] = [],
): unknown {
  if (path.length > depthMax) return value;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => {
      if (typeof item !== 'string') return resolveReferences(item, variables, report, [...path, index]);
      if (item.startsWith(environPrefix))
        report.push(`${renderPath([...path, index])}: a reference inside a list is not resolved.`);
      return item;
    });
  }
  if (isMapping(value)) {
    const entries = Object.entries(value).map(([key, child]) => [
      key,
      resolveReferences(child, variables, report, [...path, key]),
    ]);
    return Object.fromEntries(entries);
  }
  if (typeof value !== 'string' || !value.startsWith(environPrefix)) return value;
  const name = value.slice(environPrefix.length);
  const found = variables[name];
  // A section is resolved once by itself and once with the whole file; its lines are wanted once.
  const line = `${renderPath(path)}: the environment variable ${name} is not set; the value counts as absent.`;
  if (found === undefined && !report.includes(line)) report.push(line);
  return found ?? null;
}
