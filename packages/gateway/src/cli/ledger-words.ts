/** The command line is wrong, and how. */
export class WrongWords extends Error {}

/** Unix milliseconds of `2026-05-01` or `2026-05-01T12:00:00Z`. @throws WrongWords */
export function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(ms)) throw new WrongWords(`${option} is no time: "${text}".`);
  return ms;
}
