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
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const compiled = new RegExp(`^${parts.join('(.*)')}${openEnded ? '' : '$'}`, 's');
  return { pattern, match: (name) => compiled.exec(name)?.slice(1) };
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
