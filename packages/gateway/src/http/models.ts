import { Fault } from '@turnpike/wire/fault.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import type { ModelListing, Snapshot } from '../config/snapshot.ts';
import { type Caller, mayUse } from '../policy/caller.ts';

/** Anthropic's bounds on a page of models. @see https://docs.claude.com/en/api/models-list */
const PAGE_DEFAULT = 20;
const PAGE_MAX = 1_000;

/** The models this caller may use, in OpenAI's shape. @see https://platform.openai.com/docs/api-reference/models/list */
export function openaiModels(snapshot: Snapshot, caller: Caller): JsonObject {
  return { object: 'list', data: visible(snapshot, caller).map(openaiModel) };
}

/**
 * The same in Anthropic's shape, in pages.
 *
 * @param query `limit` (1–1000, default 20), `after_id`, `before_id`.
 * @throws Fault `body_invalid` for a limit out of bounds.
 */
export function anthropicModels(snapshot: Snapshot, caller: Caller, query: URLSearchParams): JsonObject {
  const all = visible(snapshot, caller);
  const limit = pageSize(query.get('limit'));
  const afterId = query.get('after_id');
  const beforeId = query.get('before_id');
  const after = afterId === null ? 0 : all.findIndex(({ id }) => id === afterId) + 1;
  const before =
    beforeId === null
      ? all.length
      : Math.max(
          0,
          all.findIndex(({ id }) => id === beforeId),
        );
  const start = beforeId === null ? after : Math.max(after, before - limit);
  const page = all.slice(start, Math.min(start + limit, before));
  return {
    data: page.map(anthropicModel),
    has_more: beforeId === null ? start + page.length < all.length : start > 0,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}

/** One model. @throws Fault `model_unknown`, also for a model this caller may not use. */
export function oneModel(snapshot: Snapshot, caller: Caller, id: string, isAnthropic: boolean): JsonObject {
  const route = mayUse(caller, id) ? snapshot.resolveModel(id) : undefined;
  if (route === undefined)
    throw new Fault('model_unknown', { message: `There is no model "${id}" here.`, param: 'model' });
  const listing = snapshot.models.find((model) => model.id === id) ?? {
    id,
    ownedBy: route.endpoints[0]?.provider.id ?? 'turnpike',
    reason: route.reason,
    createdSec: 0,
  };
  return isAnthropic ? anthropicModel(listing) : openaiModel(listing);
}

function visible(snapshot: Snapshot, caller: Caller): ModelListing[] {
  return snapshot.models.filter(({ id }) => mayUse(caller, id));
}

function openaiModel(model: ModelListing): JsonObject {
  return { id: model.id, object: 'model', created: model.createdSec, owned_by: model.ownedBy };
}

function anthropicModel(model: ModelListing): JsonObject {
  return {
    type: 'model',
    id: model.id,
    display_name: model.id,
    created_at: new Date(model.createdSec * 1000).toISOString(),
  };
}

function pageSize(text: string | null): number {
  if (text === null) return PAGE_DEFAULT;
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= PAGE_MAX) return limit;
  throw new Fault('body_invalid', { param: 'limit', message: `limit must be a whole number from 1 to ${PAGE_MAX}.` });
}
