import type { Entity } from '../../identity/entity.ts';
import { shownPermissions } from './key-body.ts';
import { shownModels } from './model-access.ts';
import type { FaceContext } from './operation.ts';
import { isoDate, litellmRules, shownSharedBudget } from './show-rules.ts';

/** A key in LiteLLM's fields, but for what it spent. Its token is its id: no digest of a key is kept that could be shown. */
export function shownKey(context: FaceContext, key: Entity) {
  const { id, body, userId, teamId, organisationId, projectId, createdAtMs, updatedAtMs } = key;
  const { policy = {}, tags = [], metadata = {} } = body;
  const nameOf = (parentId: string | undefined) => parentName(context, parentId);
  return {
    token: id,
    token_id: id,
    key_name: body.hint === undefined ? null : `${body.hint.slice(0, 3)}...${body.hint.slice(-4)}`,
    key_alias: body.displayName ?? null,
    expires: policy.expiresAtMs === undefined ? null : isoDate(policy.expiresAtMs),
    models: shownModels(policy),
    budget_fallbacks: policy.fallbackModels ?? null,
    aliases: {},
    config: {},
    user_id: nameOf(userId),
    team_id: nameOf(teamId),
    organization_id: nameOf(organisationId),
    org_id: nameOf(organisationId),
    project_id: nameOf(projectId),
    metadata: tags.length === 0 ? metadata : { ...metadata, tags },
    tags,
    permissions: shownPermissions(body),
    allowed_routes: policy.operations?.length === 0 ? ['info_routes'] : [],
    allowed_cache_controls: [],
    blocked: body.isBlocked ?? null,
    created_at: isoDate(createdAtMs),
    updated_at: isoDate(updatedAtMs),
    ...litellmRules(body),
    ...shownSharedBudget(context, body),
  };
}

/** The name of what something belongs to, which LiteLLM calls its id. */
export function parentName({ house, drafted = [] }: FaceContext, id: string | undefined): string | null {
  if (id === undefined) return null;
  return (house.directory.byId(id) ?? drafted.find((entity) => entity.id === id))?.name ?? null;
}
