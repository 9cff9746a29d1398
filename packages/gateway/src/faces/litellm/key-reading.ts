import type { AdminAnswer } from '../../admin/admin-context.ts';
import { isWithin } from '../../admin/reach.ts';
import type { Entity } from '../../identity/entity.ts';
import { aliasOf, findKey, findKeyByAlias, ownKey } from './find-key.ts';
import { type FaceContext, ok } from './operation.ts';
import { isTrue, pageOf, sorted } from './page.ts';
import { shownKey } from './show-key.ts';
import { spendNow } from './spend-now.ts';

/** `/key/info`: of the key that is named, or of the caller's. */
export async function keyInfo(context: FaceContext): Promise<AdminAnswer> {
  const { key: reference } = context.query;
  const key = reference ? await findKey(context, reference) : ownKey(context);
  await context.house.flushLogs();
  const info = await keyWithSpend(context, key);
  return ok({ key: reference ?? info.token, info });
}

/** `/v2/key/info`: of several. */
export async function keysInfo(context: FaceContext): Promise<AdminAnswer> {
  const { keys, key_aliases } = context.body as { keys?: string[] | null; key_aliases?: string[] | null };
  const found: Entity[] = [];
  for (const reference of keys ?? []) found.push(await findKey(context, reference));
  for (const alias of key_aliases ?? []) found.push(findKeyByAlias(context, alias));
  await context.house.flushLogs();
  const info = await Promise.all(found.map((key) => keyWithSpend(context, key)));
  return ok({ key: keys ?? info.map(({ token }) => token), info });
}

/** `/key/list` */
export async function listKeys(context: FaceContext): Promise<AdminAnswer> {
  const { query, house } = context;
  await house.follow.catchUp();
  const keys = await filtered(context, visibleKeys(context));
  const inOrder = sorted(keys, query, {
    created_at: ({ createdAtMs }) => createdAtMs,
    updated_at: ({ updatedAtMs }) => updatedAtMs,
    key_alias: aliasOf,
    token: ({ id }) => id,
  });
  const { items, total, page, pages } = pageOf(inOrder, query);
  const isFull = isTrue(query.return_full_object);
  if (isFull) await house.flushLogs();
  const shown = isFull ? await Promise.all(items.map((key) => keyWithSpend(context, key))) : items.map(({ id }) => id);
  return ok({ keys: shown, total_count: total, current_page: page, total_pages: pages });
}

/** `/key/aliases` */
export async function listAliases(context: FaceContext): Promise<AdminAnswer> {
  const { query, house } = context;
  await house.follow.catchUp();
  const search = (query.search ?? '').toLowerCase();
  const keys = await filtered(context, visibleKeys(context));
  const aliases = keys
    .flatMap(({ body }) => body.displayName ?? [])
    .filter((alias) => alias.toLowerCase().includes(search))
    .sort();
  const { items, total, page, pages, size } = pageOf(aliases, query, { size: 50 });
  return ok({ aliases: items, total_count: total, current_page: page, total_pages: pages, size });
}

/** `/key/health`: the caller's own key was accepted. */
export function keyHealth(): AdminAnswer {
  return ok({ key: 'healthy', logging_callbacks: null });
}

export async function keyWithSpend(context: FaceContext, key: Entity) {
  return { ...shownKey(context, key), spend: await spendNow(context.house, key) };
}

/** The earliest first. Keys that administer nothing see those of their own user, and themselves. */
function visibleKeys(context: FaceContext): Entity[] {
  const { house, rights, isOwn } = context;
  const all = house.directory.ofKind('key').sort((a, b) => (a.id < b.id ? -1 : 1));
  if (!isOwn) return all.filter((key) => isWithin(rights, key));
  const { id, userId } = ownKey(context);
  return all.filter((key) => key.id === id || (userId !== undefined && key.userId === userId));
}

async function filtered(context: FaceContext, keys: readonly Entity[]): Promise<Entity[]> {
  const { query, house } = context;
  const idOf = (kind: 'user' | 'team' | 'organisation', reference: string | undefined) =>
    reference ? (house.directory.level(kind, reference)?.id ?? reference) : undefined;
  const userId = idOf('user', query.user_id);
  const teamId = idOf('team', query.team_id);
  const organisationId = idOf('organisation', query.organization_id);
  const keyId = query.key_hash ? (await findKey(context, query.key_hash)).id : undefined;
  const alias = query.key_alias || undefined;
  const isPart = isTrue(query.substring_matching);
  return keys.filter(
    (key) =>
      (userId === undefined || key.userId === userId) &&
      (teamId === undefined || key.teamId === teamId) &&
      (organisationId === undefined || key.organisationId === organisationId) &&
      (keyId === undefined || key.id === keyId) &&
      (alias === undefined || (isPart ? aliasOf(key).includes(alias) : aliasOf(key) === alias)),
  );
}
