import { Fault } from '@turnpike/wire/fault.ts';
import { scanJsonObject } from '@turnpike/wire/json/lens.ts';
import type * as z from 'zod/mini';
import { renderPath } from '../config/problem.ts';
import type { SecretDigest } from '../identity/secret-digest.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';

/** Largest body of the admin API. */
const BODY_BYTES_MAX = 256 * 1024;
const IDEMPOTENCY_KEY_CHARS_MAX = 255;

/**
 * The body, proved to be strict JSON without a key twice.
 *
 * @throws AdminFault `body_too_large`; Fault `body_malformed`, `body_ambiguous`, `body_too_deep`
 */
export async function readJsonBody(
  request: Request,
  isWanted: boolean,
): Promise<{ value: unknown; bytes: Uint8Array }> {
  const bytes = await boundedBytes(request);
  if (!isWanted) return { value: {}, bytes };
  // An action whose fields are all optional may come without a body.
  if (bytes.length === 0) return { value: {}, bytes };
  const lens = scanJsonObject(bytes, { depthMax: 10 });
  if (!lens.ok) throw new Fault(lens.code, { message: lens.message });
  return { value: JSON.parse(new TextDecoder().decode(bytes)), bytes };
}

async function boundedBytes(request: Request): Promise<Uint8Array> {
  const tooLarge = new AdminFault('body_too_large', { message: `The body is larger than ${BODY_BYTES_MAX} bytes.` });
  if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES_MAX) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.length;
    if (total > BODY_BYTES_MAX) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
}

/** @throws AdminFault `body_invalid`, naming the first field that is wrong. Values are not repeated: they may be secrets. */
export function checked(schema: z.ZodMiniType, value: unknown): Readonly<Record<string, unknown>> {
  const result = schema.safeParse(value);
  if (result.success) return result.data as Readonly<Record<string, unknown>>;
  const issue = meant(result.error.issues[0]);
  if (issue === undefined) throw new AdminFault('body_invalid');
  const field =
    issue.code === 'unrecognized_keys' ? renderPath([...issue.path, issue.keys[0] ?? '']) : renderPath(issue.path);
  throw new AdminFault('body_invalid', { param: field, ...wordsOf(issue, field) });
}

/** Of several forms a value may have, the problem with the one that was meant: whose fault lies deepest. */
function meant(issue: z.core.$ZodIssue | undefined): z.core.$ZodIssue | undefined {
  if (issue?.code !== 'invalid_union') return issue;
  const inner = issue.errors.flatMap(([first]) => (first === undefined ? [] : [meant(first) ?? first]));
  const isWithin = (each: z.core.$ZodIssue) => each.path.length > 0 || each.code === 'unrecognized_keys';
  const found = inner.find(isWithin);
  return found === undefined ? issue : { ...found, path: [...issue.path, ...found.path] };
}

function wordsOf(issue: z.core.$ZodIssue, field: string): { message: string; hint?: string } {
  switch (issue.code) {
    case 'unrecognized_keys':
      return { message: `${field} is no field of this request.` };
    case 'invalid_type':
      return { message: `${field} must be there and be of the type ${issue.expected}.` };
    case 'invalid_value':
      return { message: `${field} is none of the values known.`, hint: `Known: ${issue.values.join(', ')}.` };
    case 'too_small':
      return { message: `${field} is too short or too small; the least is ${issue.minimum}.` };
    case 'too_big':
      return { message: `${field} is too long or too large; the most is ${issue.maximum}.` };
    case 'custom':
      return { message: `${field} ${issue.message}.` };
    default:
      return { message: `${field} does not have the right form.` };
  }
}

/** @throws AdminFault `body_invalid` for an `If-Match` that is no ETag of this API. */
export function expectedVersion(headers: Headers): number | undefined {
  const text = headers.get('if-match')?.trim();
  if (text === undefined || text === '*') return undefined;
  const [, version] = /^"([0-9]{1,15})"$/.exec(text) ?? [];
  if (version !== undefined) return Number(version);
  throw new AdminFault('body_invalid', { param: 'If-Match', message: 'If-Match must be an ETag, such as "3".' });
}

/** @throws AdminFault `body_invalid` for a key that is too long. */
export function idempotencyOf(request: Request, body: Uint8Array, digest: SecretDigest): AdminContext['idempotency'] {
  const key = request.headers.get('idempotency-key');
  if (key === null || key === '') return undefined;
  if (key.length > IDEMPOTENCY_KEY_CHARS_MAX) {
    throw new AdminFault('body_invalid', {
      param: 'Idempotency-Key',
      message: `Idempotency-Key may have ${IDEMPOTENCY_KEY_CHARS_MAX} characters.`,
    });
  }
  // Keyed: the body may hold a key, and its digest is stored.
  const { pathname } = new URL(request.url);
  return { key, requestHash: digest.ofAuditEntry(`${pathname}\n${new TextDecoder().decode(body)}`) };
}
