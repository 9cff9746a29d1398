import { AdminFault } from '../../admin/admin-fault.ts';

const NAME_CHARS_MAX = 100;
/** Neither pattern nor separator in rules, nor an id of ours. */
const form =
  /^(?!(?:org|team|user|svc|proj|mem|group|key|cred|eu|tag|budget|model)_[0-9a-z]{26}$)[^\s*\p{C}](?:[^*\p{C}]*[^\s*\p{C}])?$/u;

/**
 * The name of an entity LiteLLM's clients give an id of their own: it is what rules, ledger and log go by.
 *
 * @param charsMax Those that requests bring along may be longer.
 * @returns the id given, or a new one.
 * @throws AdminFault `body_invalid`
 */
export function entityName(field: string, given: string | null | undefined, charsMax = NAME_CHARS_MAX): string {
  if (given === null || given === undefined || given === '') return crypto.randomUUID();
  if (given.length <= charsMax && form.test(given)) return given;
  throw new AdminFault('body_invalid', {
    param: field,
    message: `${field} must have at most ${charsMax} characters, without * and control characters.`,
  });
}

/** A name no key ever had, that reads like the alias: the ledger keeps it when the alias goes to another key. */
export function keyName(alias: string | null | undefined): string {
  const readable = (alias ?? '').replaceAll(/[^A-Za-z0-9._@+-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  const unique = crypto.randomUUID().slice(24);
  return `${readable === '' ? 'key' : readable.slice(0, 60)}-${unique}`;
}
