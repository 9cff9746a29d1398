import type { Environment } from './configuration.ts';
import type { SourceDocument } from './document.ts';
import { type Problem, renderPath } from './problem.ts';

/**
 * References to the environment inside the strings of a document:
 * `${NAME}`, `${NAME:-default}` (also when NAME is empty), `$${` for a literal `${`, and `os.environ/NAME` as a whole
 * value.
 */
export interface Interpolated {
  value: unknown;
  problems: Problem[];
  /** Paths (rendered) of the values that are one reference as a whole; they may stand for numbers and booleans. */
  references: ReadonlySet<string>;
}

const reference = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;
const wholeReference = /^\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}$/;
export const environPrefix = 'os.environ/';

export function interpolate(document: SourceDocument, environment: Environment): Interpolated {
  const problems: Problem[] = [];
  const references = new Set<string>();
  const report = (path: readonly PropertyKey[], message: string, hint: string) => {
    problems.push({ file: document.file, ...document.locate(path), path: renderPath(path), message, hint });
  };
  const missing = (path: readonly PropertyKey[], name: string) =>
    report(path, `the environment variable ${name} is not set`, `Set it, or give a default: \${${name}:-…}.`);

  const fill = (text: string, path: readonly PropertyKey[]): string => {
    if (wholeReference.test(text) || text.startsWith(environPrefix)) references.add(renderPath(path));
    if (text.startsWith(environPrefix)) {
      const name = text.slice(environPrefix.length).trim();
      const value = environment[name];
      if (value === undefined) missing(path, name);
      return value ?? '';
    }
    return text.replace(reference, (whole: string, name: string | undefined, fallback: string | undefined) => {
      if (whole === '$${') return '${';
      if (name === undefined) {
        report(
          path,
          'a reference to the environment is malformed',
          `Write \${NAME} or \${NAME:-default}; $\${ for a literal \${.`,
        );
        return '';
      }
      const value = environment[name];
      if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
      if (value === undefined) missing(path, name);
      return value ?? '';
    });
  };

  const walk = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof value === 'string') return fill(value, path);
    if (Array.isArray(value)) return value.map((item: unknown, index) => walk(item, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, walk(child, [...path, key])]));
  };
  return { value: walk(document.value, []), problems, references };
}
