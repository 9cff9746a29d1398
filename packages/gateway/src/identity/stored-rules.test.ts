import { describe, expect, test } from 'bun:test';
import type { Entity, EntityBody, EntityKind } from './entity.ts';
import { StoredRules } from './stored-rules.ts';

function entity(kind: EntityKind, id: string, body: EntityBody, place: Partial<Entity> = {}): Entity {
  return {
    id,
    kind,
    name: `${id}-name`,
    organisationId: undefined,
    teamId: undefined,
    userId: undefined,
    projectId: undefined,
    version: 1,
    createdAtMs: 1,
    updatedAtMs: 1,
    digest: undefined,
    previousDigest: undefined,
    body,
    ...place,
  };
}

const nothing = () => undefined;
const budgets = [{ amount: 5, per: 'day' }] as const;
const limits = [{ requests: 3, tokens: 100, per: 'minute' }] as const;

describe('rules of stored entities', () => {
  test('are about what carries them', async () => {
    const kinds = ['key', 'user', 'team', 'organisation', 'project', 'service-account'] as const;
    for (const kind of kinds) {
      const rules = new StoredRules();
      await rules.apply([entity(kind, 'a', { budgets, limits })], [], nothing);
      const scope = { [kind]: 'a-name' };
      expect(rules.budgets).toMatchObject([{ limitNanoUsd: 5_000_000_000n, scope }]);
      expect(rules.limits).toMatchObject([
        { measure: 'requests', amount: 3, scope },
        { measure: 'tokens', amount: 100, scope },
      ]);
    }
  });

  test('of a membership are about the user within the team', async () => {
    const rules = new StoredRules();
    const team = entity('team', 't', {});
    const member = entity('membership', 'm', { role: 'member', budgets }, { userId: 'u', teamId: 't' });
    await rules.apply([member, entity('user', 'u', {})], [], (id) => (id === 't' ? team : undefined));
    expect(rules.budgets).toMatchObject([{ scope: { user: 'u-name', team: 't-name' } }]);
  });

  test('can ask more of the request', async () => {
    const rules = new StoredRules();
    const narrow = [{ amount: 5, per: 'day', endUser: '*', model: 'gpt-*' }];
    await rules.apply([entity('team', 'a', { budgets: narrow })], [], nothing);
    expect(rules.budgets).toMatchObject([
      { scope: { team: 'a-name', 'end-user': '*', model: 'gpt-*' }, each: ['end-user'] },
    ]);
  });

  test('are put in force when they change, and only then', async () => {
    const rules = new StoredRules();
    let told = 0;
    rules.onChange(async () => void told++);
    await rules.apply([entity('team', 'a', { description: 'without' })], [], nothing);
    expect(told).toBe(0);
    await rules.apply([entity('team', 'a', { budgets }), entity('team', 'b', { limits })], [], nothing);
    expect(told).toBe(1);
    const [before] = rules.budgets;
    await rules.apply([entity('team', 'a', { budgets, isBlocked: true })], [], nothing);
    expect(told).toBe(1);
    await rules.apply([], ['b'], nothing);
    expect([told, rules.limits.length]).toEqual([2, 0]);
    expect(rules.budgets[0]).toBe(before as never);
    await rules.apply([entity('team', 'a', {})], [], nothing);
    expect([told, rules.budgets.length]).toEqual([3, 0]);
  });

  test('are tried again when they could not be put in force', async () => {
    const rules = new StoredRules();
    let isAway = true;
    rules.onChange(async () => {
      if (isAway) throw new Error('away');
    });
    const changed = [entity('team', 'a', { budgets })];
    await expect(rules.apply(changed, [], nothing)).rejects.toThrow('away');
    isAway = false;
    let told = 0;
    rules.onChange(async () => void told++);
    await rules.apply(changed, [], nothing);
    expect(told).toBe(1);
  });
});
