import type { Entity } from '../../identity/entity.ts';
import { shownModels } from './model-access.ts';
import type { FaceContext } from './operation.ts';
import { parentName } from './show-key.ts';
import { isoDate, litellmRules } from './show-rules.ts';
import { spendNow } from './spend-now.ts';

/** A user in LiteLLM's fields, with what the user spent. */
export async function shownUser(context: FaceContext, user: Entity, teams = teamsOf(context, user)) {
  const { name, body, organisationId, createdAtMs, updatedAtMs } = user;
  return {
    user_id: name,
    user_alias: body.displayName ?? null,
    user_email: body.email ?? null,
    user_role: body.litellm?.userRole ?? 'internal_user',
    organization_id: parentName(context, organisationId),
    teams: teams.map((team) => team.name),
    models: shownModels(body.policy ?? {}),
    metadata: body.metadata ?? {},
    blocked: body.isBlocked ?? false,
    spend: await spendNow(context.house, user),
    ...litellmRules(body),
    created_at: isoDate(createdAtMs),
    updated_at: isoDate(updatedAtMs),
  };
}

/** The teams a user is a member of. */
export function teamsOf({ house }: FaceContext, { id }: Entity): Entity[] {
  const places = house.directory.ofKind('membership').filter(({ userId }) => userId === id);
  return places.flatMap(({ teamId }) => house.directory.byId(teamId ?? '') ?? []);
}
