import type { MatchRule } from './packed.ts';

/** Does a catalogue rule (see `packed.ts`) hold for a lower-case model name? */
export function matchesRule(rule: MatchRule, name: string): boolean {
  if (Array.isArray(rule)) return rule.some((each) => matchesRule(each, name));
  if (typeof rule === 'object') return rule.and.every((each) => matchesRule(each, name));
  const text = rule.slice(1);
  switch (rule[0]) {
    case '=':
      return name === text;
    case '^':
      return name.startsWith(text);
    case '$':
      return name.endsWith(text);
    case '~':
      return name.includes(text);
    case '/':
      return new RegExp(text).test(name);
    default:
      throw new Error(`The price table has a rule of unknown kind: ${rule}`);
  }
}

const plainDate = /-(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)/g;

/** `gpt-4o-20240806` as `gpt-4o-2024-08-06`: some resellers write a version's date without dashes. */
export function withDashedDate(name: string): string {
  return name.replace(plainDate, (whole: string, year: string, month: string, day: string) => {
    const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
    return date.getUTCDate() === Number(day) ? `-${year}-${month}-${day}` : whole;
  });
}
