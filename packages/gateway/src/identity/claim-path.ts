import { Fault } from '@turnpike/wire/fault.ts';

/** Bounds on what is taken from a token: it ends up in names, sums and logs. */
const TEXT_CHARS_MAX = 256;
const TEXTS_MAX = 64;

/**
 * The texts a claim has: one, those of a list, or none when it is not there. A claim whose whole name is `path` comes
 * before a nested one, since names may hold dots (`https://corp.example/team`).
 *
 * @throws Fault `token_invalid` when it is of another type, or too long.
 */
export function claimTexts(claims: Readonly<Record<string, unknown>>, path: string): string[] {
  const found = own(claims, path) ?? path.split('.').reduce<unknown>(own, claims);
  if (found === undefined || found === null) return [];
  const texts = (Array.isArray(found) ? found : [found]).map((value: unknown) =>
    typeof value === 'number' ? String(value) : value,
  );
  const fitting = texts.filter((value) => typeof value === 'string' && isPlain(value));
  if (fitting.length !== texts.length || texts.length > TEXTS_MAX) {
    throw new Fault('token_invalid', {
      message: `The token's claim "${path}" must be a text or a list of at most ${TEXTS_MAX} texts, each of 1 to ${TEXT_CHARS_MAX} printable characters.`,
    });
  }
  return fitting.filter((value) => typeof value === 'string');
}

function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

function isPlain(text: string): boolean {
  return text !== '' && text.length <= TEXT_CHARS_MAX && !/\p{C}/u.test(text);
}
