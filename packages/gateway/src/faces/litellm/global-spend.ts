import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { makeChanges } from '../../admin/change.ts';
import { planChange } from '../../admin/entity-actions.ts';
import type { AdminResource } from '../../identity/admin-scope.ts';
import { type DaySums, sumRollups } from '../ledger-sums.ts';
import { standingOf } from '../standing.ts';
import { requireScope, visible } from './find-entity.ts';
import { KeyTokens } from './key-tokens.ts';
import { numberOfNanoUsd } from './money.ts';
import { type FaceContext, ok } from './operation.ts';
import { type Days, dateOf, daysOf, daysOrLast, lastDays } from './spend-ask.ts';
import { spentSince } from './spend-now.ts';
import { withSpendReset } from './write-rules.ts';

const SHOWN_MAX = 1_000;

/** `/global/spend`: ever, and the budget of everything. */
export async function globalSpend(context: FaceContext): Promise<AdminAnswer> {
  const { house } = context;
  await house.flushLogs();
  const limit = (await standingOf(house.budgets, undefined))?.limitNanoUsd;
  return ok({
    spend: await spentSince(house, 'all', 0),
    max_budget: limit === undefined ? null : numberOfNanoUsd(limit),
  });
}

/** `/global/spend/logs`: by day. */
export async function globalDays(context: FaceContext): Promise<AdminAnswer> {
  const sums = await sumsBy(context, 'all', lastDays());
  return ok(sums.map(({ startMs, costNanoUsd }) => ({ date: dateOf(startMs), spend: numberOfNanoUsd(costNanoUsd) })));
}

/** `/global/spend/keys`: the dearest of the last thirty days. */
export async function globalKeys(context: FaceContext): Promise<AdminAnswer> {
  const tokens = new KeyTokens(context);
  const totals = merged(await sumsBy(context, 'key', lastDays())).slice(0, limitOf(context));
  return ok(
    totals.map(({ name, nanoUsd }) => ({
      api_key: tokens.tokenOf(name),
      key_alias: tokens.aliasOf(name),
      key_name: tokens.hintOf(name),
      total_spend: numberOfNanoUsd(nanoUsd),
    })),
  );
}

/** `/global/spend/models`, `/global/spend/provider`, `/global/spend/end_users` */
export async function globalBy(
  context: FaceContext,
  type: string,
  field: string,
  figure: string,
): Promise<AdminAnswer> {
  const totals = merged(await sumsBy(context, type, daysOrLast(context))).slice(0, limitOf(context));
  return ok(
    totals.map(({ name, nanoUsd, entries }) => ({
      [field]: name,
      [figure]: numberOfNanoUsd(nanoUsd),
      ...(type === 'end-user' && { total_count: entries }),
    })),
  );
}

/** `/global/spend/teams` */
export async function globalTeams(context: FaceContext): Promise<AdminAnswer> {
  const sums = await sumsBy(context, 'team', lastDays());
  const daily = new Map<string, Record<string, unknown>>();
  for (const { startMs, scope, costNanoUsd } of sums) {
    const date = dateOf(startMs);
    daily.set(date, { ...daily.get(date), date, [nameOf(scope)]: numberOfNanoUsd(costNanoUsd) });
  }
  const totals = merged(sums);
  return ok({
    daily_spend: [...daily.values()],
    teams: totals.map(({ name }) => name),
    total_spend_per_team: totals.map(({ name, nanoUsd }) => ({ team_id: name, total_spend: numberOfNanoUsd(nanoUsd) })),
  });
}

/** `/spend/tags` */
export async function tagSpend(context: FaceContext): Promise<AdminAnswer> {
  const totals = merged(await sumsBy(context, 'tag', daysOrLast(context)));
  return ok(
    totals.map(({ name, nanoUsd, entries }) => ({
      individual_request_tag: name,
      log_count: entries,
      total_spend: numberOfNanoUsd(nanoUsd),
    })),
  );
}

/** `/global/spend/tags` */
export async function globalTags(context: FaceContext): Promise<AdminAnswer> {
  const asked = context.query.tags ? new Set(context.query.tags.split(',').map((tag) => tag.trim())) : undefined;
  const totals = merged(await sumsBy(context, 'tag', daysOrLast(context)));
  return ok({
    spend_per_tag: totals
      .filter(({ name }) => asked === undefined || asked.has('all-tags') || asked.has(name))
      .map(({ name, nanoUsd, entries }) => ({ name, spend: numberOfNanoUsd(nanoUsd), log_count: entries })),
  });
}

/** `/global/spend/all_tag_names` */
export async function tagNames(context: FaceContext): Promise<AdminAnswer> {
  const used = merged(await sumsBy(context, 'tag', lastDays())).map(({ name }) => name);
  const stored = visible(context, 'tag').map(({ name }) => name);
  return ok({ tag_names: [...new Set([...used, ...stored])].sort() });
}

/** `/global/activity` */
export async function globalActivity(context: FaceContext): Promise<AdminAnswer> {
  const sums = await sumsBy(context, 'all', daysOf(context));
  const daily_data = sums.map(({ startMs, entries, inputTokens, outputTokens }) => ({
    date: dateOf(startMs),
    api_requests: entries,
    total_tokens: inputTokens + outputTokens,
  }));
  return ok({
    daily_data,
    sum_api_requests: daily_data.reduce((sum, { api_requests }) => sum + api_requests, 0),
    sum_total_tokens: daily_data.reduce((sum, { total_tokens }) => sum + total_tokens, 0),
  });
}

/** `/global/spend/reset`: what keys and teams spent until now counts no more against their budgets. The ledger keeps it. */
export async function resetSpend(context: FaceContext): Promise<AdminAnswer> {
  await context.house.flushLogs();
  const kinds = [
    ['key', 'keys'],
    ['team', 'teams'],
  ] as const satisfies readonly (readonly ['key' | 'team', AdminResource])[];
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const entities = [];
    for (const [kind, resource] of kinds) {
      for (const { id, body } of visible(context, kind)) {
        if ((body.budgets ?? body.budgetIds) === undefined) continue;
        requireScope(context, `${resource}:write`);
        const own = { ...context, id };
        entities.push(
          await planChange(own, kind, `${resource}.reset-budgets`, (before) => ({
            ...before,
            body: withSpendReset(before.body),
          })),
        );
      }
    }
    return {
      entities,
      status: 200,
      body: { message: 'The budgets of all keys and teams are full again.', status: 'success' },
    };
  });
}

async function sumsBy({ house }: FaceContext, by: string, days: Days): Promise<DaySums[]> {
  await house.flushLogs();
  return sumRollups(house.store, { by, period: 'day', ...days });
}

interface Total {
  readonly name: string;
  readonly nanoUsd: bigint;
  readonly entries: number;
}

/** All days of a name together, the dearest first. */
function merged(sums: readonly DaySums[]): Total[] {
  const totals = new Map<string, Total>();
  for (const { scope, costNanoUsd, entries } of sums) {
    const name = nameOf(scope);
    const before = totals.get(name) ?? { name, nanoUsd: 0n, entries: 0 };
    totals.set(name, { name, nanoUsd: before.nanoUsd + costNanoUsd, entries: before.entries + entries });
  }
  return [...totals.values()].sort((a, b) => (a.nanoUsd > b.nanoUsd ? -1 : 1));
}

function nameOf(scope: string): string {
  return scope.slice(scope.indexOf(':') + 1);
}

function limitOf({ query }: FaceContext): number {
  if (!query.limit) return SHOWN_MAX;
  const limit = Number(query.limit);
  if (Number.isInteger(limit) && limit >= 1) return Math.min(limit, SHOWN_MAX);
  throw new AdminFault('body_invalid', { param: 'limit', message: 'limit must be a whole number from 1 on.' });
}
