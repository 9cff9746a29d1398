import * as z from 'zod/mini';
import { nanoUsdOfUsd } from '../catalog/decimal.ts';
import { scopeTypeOf } from '../config/rule-about.ts';
import type { AdminResource } from '../identity/admin-scope.ts';
import { type Credits, paidNanoUsd } from '../identity/credits.ts';
import type { Entity, EntityKind } from '../identity/entity.ts';
import { levelOf } from '../identity/stored-rules.ts';
import { creditScopes, type LedgerEntry } from '../ledger/entry.ts';
import { ledgerScopeOf } from '../policy/budgets/compiled-budget.ts';
import { prepaidBudget } from '../policy/budgets/credits.ts';
import type { Scope } from '../policy/scope.ts';
import { nowMs } from '../runtime/clock.ts';
import { amountSchema, entryIdOf, referenceSchema } from './adjust-ledger.ts';
import type { AdminAnswer, AdminContext, AdminHouse } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { commitAudited } from './change.ts';
import { scopeOf, seen } from './entity-actions.ts';
import { viewOf } from './entity-view.ts';
import type { AdminOperation } from './operation.ts';
import { money, moneyOf } from './show-budgets.ts';

/** A thousand million dollars, as for every line. */
const PAID_NANO_MAX = 1_000_000_000n * 1_000_000_000n;

const topUpSchema = z.strictObject({
  amount: amountSchema,
  isGrant: z.optional(z.boolean().check(z.describe('Given, not paid. Told apart in reports, and spent alike.'))),
  reference: referenceSchema,
  reason: z.optional(z.string().check(z.minLength(1), z.maxLength(1_000), z.describe('Shown in the ledger.'))),
});

const creditsShown = z.object({
  isPrepaid: z.boolean().check(z.describe('Has anything ever been paid in? If not, credits bound nothing.')),
  sinceMs: z.nullable(z.int()).check(z.describe('When that began: what was spent before does not count.')),
  toppedUp: money,
  granted: money,
  spent: money.check(z.describe('By every process, as far as the ledger has it; adjustments included.')),
  balance: money.check(z.describe('Paid in, less what is spent.')),
  held: money.check(z.describe('By calls under way in the process that answers.')),
});
const toppedUp = z.object({ entryId: z.string(), credits: creditsShown });

/** Prepaid credits of a kind of level. */
export function creditOperations(kind: EntityKind, resource: AdminResource, name: string): AdminOperation[] {
  const words = kind.replace('-', ' ');
  return [
    {
      id: `get${name}Credits`,
      method: 'GET',
      path: `/${resource}/{id}/credits`,
      scope: scopeOf(resource, 'read'),
      summary: `Show what was paid in for a ${words}, what of it is spent, and what is left.`,
      status: 200,
      answer: creditsShown,
      run: async (context) => ({ status: 200, body: await shown(context.house, await seen(context, kind)) }),
    },
    {
      id: `topUp${name}Credits`,
      method: 'POST',
      path: `/${resource}/{id}/credits/top-ups`,
      scope: 'ledger:write',
      isGlobal: true,
      summary: `Pay in for a ${words}. From the first time on, it spends no more than was paid in.`,
      body: topUpSchema,
      status: 201,
      answer: toppedUp,
      run: (context) => topUp(context, kind, resource),
    },
  ];
}

async function topUp(context: AdminContext, kind: EntityKind, resource: AdminResource): Promise<AdminAnswer> {
  const {
    amount,
    isGrant = false,
    reference,
    reason,
  } = context.body as {
    amount: string | number;
    isGrant?: boolean;
    reference?: string;
    reason?: string;
  };
  const atMs = nowMs();
  const costNanoUsd = paidInOf(amount);
  const id = entryIdOf('top', reference, atMs);
  const answer = await commitAudited(context, async () => {
    const before = await seen(context, kind);
    const entry: LedgerEntry = {
      ...NO_ATTEMPT,
      id,
      kind: isGrant ? 'grant' : 'top-up',
      atMs,
      settledAtMs: atMs,
      scopes: creditScopes(before.id),
      costNanoUsd,
      note: reason ?? reference,
      enteredBy: context.caller.name,
    };
    const earlier = reference === undefined ? undefined : await context.house.store.ledgerEntry(id);
    if (earlier !== undefined) return { answer: await repeated(context, earlier, entry, before) };
    const after: Entity = {
      ...before,
      body: { ...before.body, credits: added(before.body.credits, entry) },
      version: before.version + 1,
      updatedAtMs: atMs,
    };
    return {
      action: `${resource}.top-up-credits`,
      kind,
      entityId: before.id,
      before: viewOf(before),
      after: viewOf(after),
      puts: [after],
      deletes: [],
      entries: [entry],
      status: 201,
      body: { entryId: id, credits: await shown(context.house, after) },
    };
  });
  return answer;
}

const NO_ATTEMPT = {
  exchangeId: undefined,
  attempt: undefined,
  model: undefined,
  provider: undefined,
  endpoint: undefined,
  modelServed: undefined,
  fault: undefined,
  usage: {},
  uncovered: [],
  isEstimated: false,
  corrects: undefined,
} as const;

/** @throws AdminFault `body_invalid` */
function paidInOf(amount: string | number): bigint {
  const nanoUsd = nanoUsdOfUsd(amount);
  if (nanoUsd !== undefined && nanoUsd <= PAID_NANO_MAX) return nanoUsd;
  throw new AdminFault('body_invalid', {
    param: 'amount',
    message: 'amount must be US dollars, 0 or more, with at most nine decimals, up to 1000000000.',
    hint: 'To take something back, enter an adjustment.',
  });
}

/** @throws AdminFault `body_invalid` when it would be more than a line can be. */
function added(credits: Credits | undefined, { kind, atMs, costNanoUsd = 0n }: LedgerEntry): Credits {
  const { sinceMs, toppedUpNanoUsd, grantedNanoUsd } = credits ?? {
    sinceMs: atMs,
    toppedUpNanoUsd: '0',
    grantedNanoUsd: '0',
  };
  const sum = {
    sinceMs,
    toppedUpNanoUsd: String(BigInt(toppedUpNanoUsd) + (kind === 'top-up' ? costNanoUsd : 0n)),
    grantedNanoUsd: String(BigInt(grantedNanoUsd) + (kind === 'grant' ? costNanoUsd : 0n)),
  };
  if (paidNanoUsd(sum) <= PAID_NANO_MAX) return sum;
  throw new AdminFault('body_invalid', { param: 'amount', message: 'More than 1000000000 dollars would be paid in.' });
}

/** What was answered before, with the balance of now. @throws AdminFault `record_conflict` */
async function repeated(
  { house }: AdminContext,
  earlier: LedgerEntry,
  entry: LedgerEntry,
  entity: Entity,
): Promise<AdminAnswer> {
  const isSame =
    earlier.costNanoUsd === entry.costNanoUsd &&
    earlier.kind === entry.kind &&
    earlier.scopes.join() === entry.scopes.join();
  if (!isSame) {
    throw new AdminFault('record_conflict', {
      param: 'reference',
      message: 'Something else was paid in under this reference.',
      hint: 'Use a reference of its own for each top-up.',
    });
  }
  const body = { entryId: earlier.id, credits: await shown(house, entity) };
  return { status: 201, body, headers: { 'idempotent-replayed': 'true' } };
}

/** Spending as the ledger has it: what other processes spent is not known here before it is asked for. */
async function shown(house: AdminHouse, entity: Entity): Promise<z.infer<typeof creditsShown>> {
  const { credits } = entity.body;
  const [word, id] = Object.entries(levelOf(entity, (of) => house.directory.byId(of ?? '')) ?? {})[0] ?? [];
  const scope: Scope | undefined = word === undefined || id === undefined ? undefined : { type: scopeTypeOf(word), id };
  const budget = credits && scope && prepaidBudget(house.budgets, scope);
  let spent = 0n;
  if (budget !== undefined) {
    await house.flushLogs();
    spent = await house.store.spendBetween(ledgerScopeOf(budget, ''), 0, Number.MAX_SAFE_INTEGER);
  }
  return {
    isPrepaid: credits !== undefined,
    sinceMs: credits?.sinceMs ?? null,
    toppedUp: moneyOf(BigInt(credits?.toppedUpNanoUsd ?? 0)),
    granted: moneyOf(BigInt(credits?.grantedNanoUsd ?? 0)),
    spent: moneyOf(spent),
    balance: moneyOf((credits === undefined ? 0n : paidNanoUsd(credits)) - spent),
    held: moneyOf(budget?.accounts.find('')?.heldNanoUsd ?? 0n),
  };
}
