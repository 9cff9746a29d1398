import type { AdminHouse } from '../../admin/admin-context.ts';
import type { LevelBudgetEntry } from '../../config/rule-schemas.ts';
import type { Entity, EntityBody } from '../../identity/entity.ts';
import { nowMs } from '../../runtime/clock.ts';
import { budgetPartsOf } from './budget-parts.ts';
import { windowNow } from './budget-window.ts';
import { numberOfNanoUsd } from './money.ts';

const DAY_MS = 86_400_000;

/** The name the ledger sums an entity under. */
export function ledgerScope({ kind, name }: Entity): string {
  return `${kind}:${name}`;
}

/** The budget LiteLLM would say its spend counts against: its own, or that of a reusable one. */
export function countedBudget(house: AdminHouse, { body }: Entity): LevelBudgetEntry | undefined {
  const { main } = budgetPartsOf(body);
  if (main !== undefined) return main;
  const [shared] = sharedBudgets(house, body).flatMap((budget) => budgetPartsOf(budget.body).main ?? []);
  const { budgetsCountFromMs: fromMs } = body;
  return shared && (fromMs === undefined ? shared : { ...shared, countsFromMs: fromMs });
}

export function sharedBudgets({ directory }: AdminHouse, { budgetIds = [] }: EntityBody): Entity[] {
  return budgetIds.map((id) => directory.byId(id)).filter((budget) => budget !== undefined);
}

/** US dollars spent by an entity in the window of its `max_budget`, or ever when it has none: as LiteLLM counts them. */
export async function spendNow(house: AdminHouse, entity: Entity): Promise<number> {
  const counted = countedBudget(house, entity);
  return spentSince(house, ledgerScope(entity), counted === undefined ? 0 : windowNow(counted, nowMs()).startMs);
}

/** US dollars of a scope from then until now. */
export async function spentSince({ store }: AdminHouse, scope: string, startMs: number): Promise<number> {
  // To the end of a whole day, so that the sums suffice.
  const endMs = (Math.floor(nowMs() / DAY_MS) + 1) * DAY_MS;
  return numberOfNanoUsd(await store.spendBetween(scope, startMs, endMs));
}
