/** The command line is wrong, and how. */
export class WrongWords extends Error {}

/** Unix milliseconds of `2026-05-01` or `2026-05-01T12:00:00Z`. @throws WrongWords */
export function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(ms)) throw new WrongWords(`${option} is no time: "${text}".`);
  return ms;
}

/** A number below zero begins like an option: it is put behind its own. */
export function withSigned(args: readonly string[], option: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const [word = '', next = ''] = [args[at], args[at + 1]];
    if (word === option && /^-[0-9.]/.test(next)) {
      words.push(`${option}=${next}`);
      at++;
    } else words.push(word);
  }
  return words;
}
