import type * as z from 'zod/mini';
import type { SourceDocument } from './document.ts';
import type { Interpolated } from './interpolate.ts';
import { nearestNames } from './near-names.ts';
import { type Problem, renderPath } from './problem.ts';
import { type ConfigFile, configSchema, jsonSchema } from './schema.ts';

type Issue = z.core.$ZodIssue;

/**
 * Checks an interpolated document as a whole and tells everything that is wrong with it. `file` is what is left of it
 * when the wrong parts are taken out, so that what they refer to can be checked too; undefined when nothing is.
 */
export function validate(
  document: SourceDocument,
  interpolated: Interpolated,
): { file: ConfigFile | undefined; problems: Problem[] } {
  const value = structuredClone(interpolated.value ?? {});
  let result = configSchema.safeParse(value);
  if (!result.success && retype(value, flatten(result.error.issues), interpolated.references)) {
    result = configSchema.safeParse(value);
  }
  if (result.success) return { file: result.data, problems: [] };
  const issues = flatten(result.error.issues);
  const problems = issues.flatMap((issue) => describe(issue, document, value));
  for (const issue of issues) takeOut(value, issue);
  return { file: configSchema.safeParse(value).data, problems };
}

function takeOut(root: unknown, issue: Issue): void {
  const [parentPath, keys] =
    issue.code === 'unrecognized_keys' ? [issue.path, issue.keys] : [issue.path.slice(0, -1), issue.path.slice(-1)];
  const parent = parentPath.reduce(childOf, root);
  if (typeof parent !== 'object' || parent === null || Array.isArray(parent)) return;
  for (const key of keys) Reflect.deleteProperty(parent, key);
}

/** `${PORT}` is a text; where a number or a boolean is wanted and the text reads as one, that is meant. */
function retype(root: unknown, issues: readonly Issue[], references: ReadonlySet<string>): boolean {
  let isChanged = false;
  for (const issue of issues) {
    if (issue.code !== 'invalid_type' || !references.has(renderPath(issue.path))) continue;
    const last = issue.path.at(-1);
    const parent = issue.path.slice(0, -1).reduce(childOf, root);
    if (last === undefined || typeof parent !== 'object' || parent === null) continue;
    const typed = readScalar(childOf(parent, last), issue.expected);
    if (typed === undefined) continue;
    Object.assign(parent, { [last]: typed });
    isChanged = true;
  }
  return isChanged;
}

function readScalar(value: unknown, expected: string): number | boolean | undefined {
  if (typeof value !== 'string') return undefined;
  if (expected === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined;
  const isNumber = (expected === 'number' || expected === 'int') && /^-?[0-9]+(\.[0-9]+)?$/.test(value);
  return isNumber ? Number(value) : undefined;
}

function childOf(parent: unknown, key: PropertyKey): unknown {
  if (typeof parent !== 'object' || parent === null) return undefined;
  return Object.getOwnPropertyDescriptor(parent, key)?.value;
}

/** Issues of unions are those of the branch that was meant: the one whose type fits. */
function flatten(issues: readonly Issue[], outer: readonly PropertyKey[] = []): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...outer, ...issue.path];
    if (issue.code !== 'invalid_union') return [{ ...issue, path }];
    const meant = issue.errors.find((branch) => !branch.some((each) => each.path.length === 0 && isWrongType(each)));
    if (meant === undefined) return [{ ...issue, path, errors: [] }];
    return flatten(meant, path);
  });
}

function isWrongType(issue: Issue): boolean {
  return issue.code === 'invalid_type' || (issue.code === 'invalid_value' && issue.values.length > 0);
}

function describe(issue: Issue, document: SourceDocument, root: unknown): Problem[] {
  const at = { file: document.file, ...document.locate(issue.path), path: renderPath(issue.path) };
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(issue.path, key, document));
    case 'invalid_type': {
      const last = issue.path.at(-1);
      const isMissing = issue.path.reduce(childOf, root) === undefined;
      if (isMissing) return [{ ...at, message: 'is missing', hint: `Give it ${article(issue.expected)}.` }];
      return [{ ...at, message: `must be ${article(issue.expected)}`, hint: typeHint(last, issue.expected) }];
    }
    case 'invalid_value':
      return [{ ...at, message: 'is none of the values known', hint: `Write one of: ${issue.values.join(', ')}.` }];
    case 'too_small':
      if (issue.origin === 'string') return [{ ...at, message: 'must not be empty' }];
      if (issue.origin === 'array') return [{ ...at, message: `must have at least ${issue.minimum} entry` }];
      return [{ ...at, message: `must be ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}` }];
    case 'too_big':
      return [{ ...at, message: `must be at most ${issue.maximum}` }];
    case 'invalid_union':
      return [{ ...at, message: 'has the wrong type', hint: 'See docs/configuration.md for its forms.' }];
    case 'invalid_format':
      return [{ ...at, message: 'does not have the right form', hint: formHint(issue.path.at(-1)) }];
    default:
      return [{ ...at, message: 'is not valid', hint: 'See docs/configuration.md for its form.' }];
  }
}

function article(expected: string): string {
  const names: Record<string, string> = {
    int: 'a whole number',
    array: 'a list',
    object: 'a mapping',
    record: 'a mapping',
  };
  return names[expected] ?? `a ${expected}`;
}

function typeHint(last: PropertyKey | undefined, expected: string): string | undefined {
  if (expected === 'string') return 'Put it in quotes.';
  if (expected === 'array') return `Write ${String(last)} as a list, each entry after a dash.`;
  return undefined;
}

function formHint(last: PropertyKey | undefined): string | undefined {
  if (last === 'baseUrl') return 'Write an address such as https://host.example/v1.';
  if (last === 'sha256') return 'Write 64 hexadecimal digits.';
  if (last === 'per') return 'Write second, minute, hour, day, or a length such as 90s or 15m.';
  if (last === 'id') return 'Use letters, digits, dots, dashes and underscores.';
  return 'Write a plain decimal such as "2.50".';
}

function unknownKey(path: readonly PropertyKey[], key: string, document: SourceDocument): Problem {
  const known = knownKeys(path);
  const near = nearestNames(key, known, 2);
  const hint =
    near.length > 0
      ? `Did you mean ${near.map((name) => `"${name}"`).join(' or ')}?`
      : `Known here: ${known.join(', ')}.`;
  const place = document.locate(path, key);
  return { file: document.file, ...place, path: renderPath([...path, key]), message: 'unknown key', hint };
}

interface SchemaNode {
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  additionalProperties?: SchemaNode | boolean;
}

/** Made when the first unknown key is met: most files have none. */
let schemaRoot: SchemaNode | undefined;

function knownKeys(path: readonly PropertyKey[]): string[] {
  schemaRoot ??= jsonSchema() as SchemaNode;
  let nodes: SchemaNode[] = [schemaRoot];
  for (const step of path) {
    nodes = nodes.flatMap(branches).flatMap((node) => {
      const more = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined;
      const next = typeof step === 'number' ? node.items : (node.properties?.[String(step)] ?? more);
      return next === undefined ? [] : [next];
    });
  }
  return nodes.flatMap(branches).flatMap((node) => Object.keys(node.properties ?? {}));
}

function branches(node: SchemaNode): SchemaNode[] {
  return node.anyOf === undefined ? [node] : node.anyOf.flatMap(branches);
}
