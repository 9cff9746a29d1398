import type { AdminAnswer } from '../../admin/admin-context.ts';
import type { Entity } from '../../identity/entity.ts';
import { findEntity, visible } from './find-entity.ts';
import { ownKey } from './find-key.ts';
import { type FaceContext, ok } from './operation.ts';
import { pageOf, sorted } from './page.ts';
import { refusedField } from './read-fields.ts';
import { shownTeam } from './show-team.ts';
import { shownUser, teamsOf } from './show-user.ts';
import { keysOf } from './team-reading.ts';

/** `/user/info`: of the user that is named, or of the caller's. */
export async function userInfo(context: FaceContext): Promise<AdminAnswer> {
  const user = await askedUser(context);
  return ok({
    user_id: user.name,
    user_info: await shownUser(context, user),
    keys: await keysOf(context, user),
    teams: await Promise.all(teamsOf(context, user).map((team) => shownTeam(context, team, []))),
  });
}

/** `/v2/user/info`: without keys. */
export async function userAlone(context: FaceContext): Promise<AdminAnswer> {
  return ok(await shownUser(context, await askedUser(context)));
}

/** `/user/list` */
export async function listUsers(context: FaceContext): Promise<AdminAnswer> {
  const { house, query } = context;
  await house.follow.catchUp();
  await house.flushLogs();
  const inOrder = sorted(filtered(context), query, {
    user_id: ({ name }) => name,
    user_email: ({ body }) => body.email ?? '',
    user_alias: ({ body }) => body.displayName ?? '',
    created_at: ({ createdAtMs }) => createdAtMs,
  });
  const { items, total, page, size, pages } = pageOf(inOrder, query, {
    sizeField: 'page_size',
    size: 25,
    sizeMax: 100,
  });
  const keys = house.directory.ofKind('key');
  const users = await Promise.all(
    items.map(async (user) => ({
      ...(await shownUser(context, user)),
      key_count: keys.filter(({ userId }) => userId === user.id).length,
    })),
  );
  return ok({ users, total, page, page_size: size, total_pages: pages });
}

/** `/user/available_roles` */
export function availableRoles(): AdminAnswer {
  return ok({
    internal_user: { description: 'Uses models by keys', ui_label: 'Internal User' },
    internal_user_viewer: { description: 'Uses models by keys', ui_label: 'Internal Viewer' },
  });
}

async function askedUser(context: FaceContext): Promise<Entity> {
  const { house, query } = context;
  await house.follow.catchUp();
  await house.flushLogs();
  if (query.user_id) return findEntity(context, 'user', query.user_id);
  const { userId } = ownKey(context);
  if (userId === undefined) throw refusedField('user_id', 'left out, it is the user of the key, and this key has none');
  return findEntity(context, 'user', userId);
}

function filtered(context: FaceContext): Entity[] {
  const { query, house } = context;
  const ids = query.user_ids ? new Set(query.user_ids.split(',').map((id) => id.trim())) : undefined;
  const team = query.team ? house.directory.level('team', query.team) : undefined;
  return visible(context, 'user').filter(
    (user) =>
      (ids === undefined || ids.has(user.name) || ids.has(user.id)) &&
      (!query.role || (user.body.litellm?.userRole ?? 'internal_user') === query.role) &&
      (!query.user_email || (user.body.email ?? '').toLowerCase().includes(query.user_email.toLowerCase())) &&
      (!query.team || (team !== undefined && house.directory.membership(user.id, team.id) !== undefined)),
  );
}
