/**
 * Model names with `*`. A pattern captures what each `*` stands for, and the captures fill the `*` of an endpoint's
 * model from left to right.
 */
export interface Wildcard {
  readonly pattern: string;
  /** What each `*` stands for in `name`, or undefined when the name does not match. */
  match(name: string): readonly string[] | undefined;
}

export function isWildcard(name: string): boolean {
  return name.includes('*');
}

/**
 * @param openEnded LiteLLM compares from the start only, so that `gpt-4*o` takes `gpt-4-turbo-o1` as well.
 */
export function compileWildcard(pattern: string, openEnded = false): Wildcard {
  const parts = pattern.split('*');
  return { pattern, match: (name) => capture(parts, name, openEnded) };
}

/**
 * What the greedy expression `^first(.*)middle(.*)last$` captures, in time linear in the name: callers choose names, and
 * an expression that backtracks would let them choose how long that takes. Greedy means that every literal stands as far
 * to the right as those after it allow, so they are placed from the right.
 */
function capture(parts: readonly string[], name: string, openEnded: boolean): string[] | undefined {
  const first = parts[0] ?? '';
  const last = parts.at(-1) ?? '';
  if (!name.startsWith(first)) return undefined;
  if (parts.length === 1) return openEnded || name === first ? [] : undefined;
  const captures: string[] = [];
  let end = openEnded ? name.lastIndexOf(last) : name.length - last.length;
  if (end < first.length || !name.startsWith(last, end)) return undefined;
  for (let index = parts.length - 2; index > 0; index--) {
    const literal = parts[index] ?? '';
    const latest = end - literal.length;
    const start = latest < first.length ? -1 : name.lastIndexOf(literal, latest);
    if (start < first.length) return undefined;
    captures.unshift(name.slice(start + literal.length, end));
    end = start;
  }
  captures.unshift(name.slice(first.length, end));
  return captures;
}

/** More specific patterns first: the longer, then the one with more `*`. */
export function compareSpecificity(a: string, b: string): number {
  return b.length - a.length || b.split('*').length - a.split('*').length;
}

/**
 * `template` with its `*` replaced by the captures. Without `*` it stays as it is; when there are more captures than
 * `*`, the caller's whole name is meant.
 */
export function fillTemplate(template: string, captures: readonly string[], name: string): string {
  const holes = template.split('*').length - 1;
  if (holes === 0) return template;
  if (captures.length > holes) return name;
  let index = 0;
  return template.replace(/\*/g, (hole) => captures[index++] ?? hole);
}
