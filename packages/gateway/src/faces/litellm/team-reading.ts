import type { AdminAnswer } from '../../admin/admin-context.ts';
import type { Entity } from '../../identity/entity.ts';
import { findEntity, required, visible } from './find-entity.ts';
import { keyWithSpend } from './key-reading.ts';
import { type FaceContext, ok } from './operation.ts';
import { pageOf, sorted } from './page.ts';
import { membershipsIn, shownMembership, shownTeam } from './show-team.ts';

/** `/team/info`. A key that administers nothing sees of its own team itself and its own user. */
export async function teamInfo(context: FaceContext): Promise<AdminAnswer> {
  const { house, query } = context;
  await house.follow.catchUp();
  await house.flushLogs();
  const team = await findEntity(context, 'team', required('team_id', query.team_id));
  const memberships = seenOf(context, membershipsIn(context, team));
  return ok({
    team_id: team.name,
    team_info: await shownTeam(context, team, memberships),
    keys: await keysOf(context, team),
    team_memberships: await Promise.all(memberships.map((each) => shownMembership(context, each))),
  });
}

/** `/team/list` */
export async function listTeams(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  const teams = filtered(context);
  return ok(
    await Promise.all(
      teams.map(async (team) => ({
        ...(await shownTeam(context, team)),
        team_memberships: await Promise.all(membershipsIn(context, team).map((each) => shownMembership(context, each))),
        keys: await keysOf(context, team),
      })),
    ),
  );
}

/** `/v2/team/list`: in pages. */
export async function pageTeams(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  const { query } = context;
  const inOrder = sorted(filtered(context), query, {
    team_id: ({ name }) => name,
    team_alias: ({ body, name }) => body.displayName ?? name,
    created_at: ({ createdAtMs }) => createdAtMs,
  });
  const { items, total, page, size, pages } = pageOf(inOrder, query, { sizeField: 'page_size', sizeMax: 100 });
  const teams = await Promise.all(items.map((team) => shownTeam(context, team)));
  return ok({ teams, total, page, page_size: size, total_pages: pages });
}

export async function keysOf(context: FaceContext, parent: Entity) {
  const column = parent.kind === 'user' ? 'userId' : 'teamId';
  const keys = context.house.directory.ofKind('key').filter((key) => key[column] === parent.id);
  const seen = context.isOwn ? keys.filter(({ id }) => id === context.caller.id) : keys;
  return Promise.all(seen.sort((a, b) => (a.id < b.id ? -1 : 1)).map((key) => keyWithSpend(context, key)));
}

function seenOf({ house, isOwn, caller }: FaceContext, memberships: readonly Entity[]): Entity[] {
  const own = house.directory.byId(caller.id)?.userId;
  return isOwn ? memberships.filter(({ userId }) => userId === own) : [...memberships];
}

function filtered(context: FaceContext): Entity[] {
  const { query, house } = context;
  const user = query.user_id ? house.directory.level('user', query.user_id) : undefined;
  const organisation = query.organization_id ? house.directory.level('organisation', query.organization_id) : undefined;
  return visible(context, 'team').filter(
    (team) =>
      (!query.team_id || team.name === query.team_id || team.id === query.team_id) &&
      (!query.team_alias || (team.body.displayName ?? '').includes(query.team_alias)) &&
      (!query.organization_id || (organisation !== undefined && team.organisationId === organisation.id)) &&
      (!query.user_id || (user !== undefined && house.directory.membership(user.id, team.id) !== undefined)),
  );
}
