import type * as z from 'zod/mini';
import { AdminFault } from '../../admin/admin-fault.ts';
import { checked } from '../../admin/read-request.ts';

/** Fields that mean nothing here, by name; and why. */
export type RefusedFields = Readonly<Record<string, string>>;

/**
 * The fields of a body that say something. What SDKs send for nothing (`null`, `{}`, `[]`, `""`, and `false` or 0 for a
 * field that means nothing here) counts as absent; what says something that cannot be done is refused by its name.
 *
 * @param isUpdate Keep empty values of fields that are known: they take away.
 * @throws AdminFault `body_invalid`
 */
export function readFields(
  schema: z.ZodMiniType,
  value: unknown,
  refused: RefusedFields,
  isUpdate: boolean,
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new AdminFault('body_invalid', { message: 'The body must be a JSON object.' });
  }
  const given: Record<string, unknown> = {};
  for (const [field, content] of Object.entries(value)) {
    const reason = refused[field];
    if (reason === undefined) {
      if (isUpdate || !isEmpty(content)) given[field] = content;
    } else if (!isEmpty(content) && content !== false && content !== 0) {
      throw refusedField(field, reason);
    }
  }
  return checked(schema, given);
}

/** @throws AdminFault `body_invalid` for a parameter that has no meaning. */
export function requireKnownQuery(query: Readonly<Record<string, string>>, known: readonly string[]): void {
  for (const [field, content] of Object.entries(query)) {
    if (known.includes(field) || content === '') continue;
    throw refusedField(field, 'this path does not take it');
  }
}

export function refusedField(field: string, reason: string): AdminFault {
  return new AdminFault('body_invalid', { param: field, message: `${field} is not supported here: ${reason}.` });
}

export function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
