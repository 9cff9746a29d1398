import type { Entity, EntityKind } from '../../identity/entity.ts';
import { nowMs } from '../../runtime/clock.ts';
import type { Store } from '../../store/store.ts';
import { budgetPartsOf } from './budget-parts.ts';
import { windowNow } from './budget-window.ts';
import { numberOfNanoUsd } from './money.ts';

const DAY_MS = 86_400_000;

const scopeTypes: Readonly<Partial<Record<EntityKind, string>>> = {
  key: 'key',
  user: 'user',
  'service-account': 'user',
  team: 'team',
  organisation: 'organisation',
  project: 'project',
};

/** The name the ledger sums an entity under. */
export function ledgerScope({ kind, name }: Entity): string {
  return `${scopeTypes[kind] ?? kind}:${name}`;
}

/** US dollars spent by an entity in the window of its `max_budget`, or ever when it has none: as LiteLLM counts them. */
export async function spendNow(store: Store, entity: Entity): Promise<number> {
  const now = nowMs();
  const { main } = budgetPartsOf(entity.body);
  const startMs = main === undefined ? 0 : windowNow(main, now).startMs;
  // To the end of a whole day, so that the sums suffice.
  const endMs = (Math.floor(now / DAY_MS) + 1) * DAY_MS;
  return numberOfNanoUsd(await store.spendBetween(ledgerScope(entity), startMs, endMs));
}
