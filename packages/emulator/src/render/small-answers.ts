import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';

/** A list of models in the shape of `dialect`. */
export function modelList(dialect: DialectId, models: readonly string[]): JsonObject {
  if (dialect === 'anthropic-messages') {
    const data = models.map((id) => modelCard(dialect, id));
    return { data, has_more: false, first_id: models[0] ?? null, last_id: models.at(-1) ?? null };
  }
  return { object: 'list', data: models.map((id) => modelCard(dialect, id)) };
}

export function modelCard(dialect: DialectId, id: string): JsonObject {
  return dialect === 'anthropic-messages'
    ? { type: 'model', id, display_name: id, created_at: '2026-01-01T00:00:00Z' }
    : { id, object: 'model', created: 1767225600, owned_by: 'turnpike-emulator' };
}
