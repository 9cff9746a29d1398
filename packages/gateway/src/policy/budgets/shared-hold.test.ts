import { expect, test } from 'bun:test';
import { readBudgetEntry } from '../../config/budget-entry.ts';
import { MemoryAuthority } from '../../quota/memory-authority.ts';
import { QuotaNode } from '../../quota/quota-node.ts';
import { callerOf } from '../limits/limiter.test-support.ts';
import { Budgets } from './budgets.ts';

const key = callerOf('spent', [{ type: 'team', id: 'web' }]);
const sibling = callerOf('other', [{ type: 'team', id: 'web' }]);
const dollar = 1_000_000_000n;

function process(authority: MemoryAuthority) {
  const node = new QuotaNode({ authority });
  const budgets = new Budgets(
    () => undefined,
    undefined,
    ({ budget, account }) => {
      account.lease ??= node.lease(`b:${budget.id}:${account.instance}`, async () => []);
    },
  );
  const rules = [
    { amount: 10, per: 'lifetime', scope: { team: 'web' } } as const,
    { amount: 1, per: 'lifetime', scope: { key: 'spent' } } as const,
  ].map((entry) => {
    const rule = readBudgetEntry(entry);
    if ('message' in rule) throw new Error(rule.message);
    return rule;
  });
  budgets.apply(budgets.compile(rules));
  const open = (caller: typeof key) => {
    const found = budgets.of(caller);
    if (found === undefined) throw new Error('No budget concerns the caller.');
    return budgets.open(found, { caller, model: 'm', endUser: undefined, tags: [] });
  };
  return { node, budgets, open };
}

test('calls that wait for the budget of their key keep nobody else out of the budget of their team', async () => {
  const authority = new MemoryAuthority();
  const [one, two] = [process(authority), process(authority)];
  // The key's dollar is held in one process; in the other, calls of the key wait for it to come back.
  const first = one.open(key);
  expect(await first.take('p', dollar)).toBeUndefined();
  const waiting = Array.from({ length: 20 }, () => two.open(key).take('p', dollar));
  const others = Array.from({ length: 9 }, () => two.open(sibling));
  for (let round = 0; round < 5; round++) {
    for (const other of others) expect(await other.take('p', dollar)).toBeUndefined();
    await Bun.sleep(5);
  }
  for (const verdict of await Promise.all(waiting)) expect(verdict).toMatchObject({ reason: 'held' });
  expect(two.budgets.heldNanoUsd).toBe(9n * dollar);
  first.release();
  for (const other of others) other.release();
  // All of it is there again, in either process.
  for (const { open } of [one, two]) {
    const all = open(sibling);
    expect(await all.take('p', 10n * dollar)).toBeUndefined();
    all.release();
  }
  for (const { node } of [one, two]) await node.close();
});
