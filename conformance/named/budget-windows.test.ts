/** When a budget is full again, and what it counts from: after the turn of a window, a reset, a restart. */
import { afterAll, afterEach, beforeAll, describe, expect, spyOn, test } from 'bun:test';
import { onEachStore, TOKEN, until } from './house.ts';

const realNow = Date.now;
/** Unix milliseconds to stand still at; undefined: time goes by as it does. */
let stoppedMs: number | undefined;
beforeAll(() => {
  spyOn(Date, 'now').mockImplementation(() => stoppedMs ?? realNow());
});
afterAll(() => {
  spyOn(Date, 'now').mockRestore();
});
const at = (iso: string) => {
  stoppedMs = Date.parse(iso);
};

onEachStore({ gateways: 2 }, (house) => {
  // Tests with a time of their own come last, for the time of a gateway does not go back.
  test('a restart counts what the ledger has: once, all of it, and the same each time', async () => {
    const { name, key } = await house().newKey({ budgets: [{ amount: 5, per: 'month' }] });
    const teamId = house().fresh('team');
    await house().admin('POST', '/teams', { name: teamId, budgets: [{ amount: 5, per: 'lifetime' }] });
    const member = await house().newKey({ teamId });
    await house()
      .becomes(200, member.key, { at: 1, max: 0, model: 'chat' })
      .catch(() => undefined);
    house().answers(10);
    for (const gateway of [0, 1, 0, 1, 0]) {
      expect((await house().ask(key, { at: gateway })).status).toBe(200);
      expect((await house().ask(member.key, { at: gateway })).status).toBe(200);
    }
    // At once: what was not sent to the database yet is not lost, and not counted besides.
    for (let turn = 0; turn < 2; turn++) {
      await house().restartAll();
      for (const gateway of [0, 1]) {
        expect(await house().budgetOf(`keys/${name}`, gateway)).toMatchObject({ spent: 50n * TOKEN, held: 0n });
        expect(await house().budgetOf(`teams/${teamId}`, gateway)).toMatchObject({ spent: 50n * TOKEN, held: 0n });
      }
    }
    expect(await house().spent(`key:${name}`)).toBe(50n * TOKEN);
  });

  test('a budget that comes later counts what was spent in its window already', async () => {
    const { name, key } = await house().newKey();
    house().answers(10);
    expect((await house().ask(key)).status).toBe(200);
    await house().admin('PATCH', `/keys/${name}`, { budgets: [{ amount: 0.015, per: 'day' }] });
    expect((await house().ask(key)).status).toBe(402);
    await house().becomes(402, key, { at: 1 });
  });

  test('what is made anew under a name that was deleted has new budgets; the ledger goes on under the name', async () => {
    house().answers(10);
    const make: Record<string, (name: string) => Promise<string>> = {
      keys: async (name) => (await house().admin('POST', '/keys', { name, budgets })).key,
      teams: async (name) => {
        await house().admin('POST', '/teams', { name, budgets });
        return (await house().newKey({ teamId: name })).key;
      },
    };
    const budgets = [{ amount: 0.015, per: 'month' }];
    const paths: string[] = [];
    for (const [path, made] of Object.entries(make)) {
      const name = house().fresh('again');
      paths.push(`${path}/${name}`);
      const first = await made(name);
      expect([(await house().ask(first)).status, (await house().ask(first)).status]).toEqual([200, 402]);
      const keys = (await house().admin('GET', '/keys')).data as readonly { id: string; teamId?: string }[];
      if (path === 'teams') {
        const { id } = await house().admin('GET', `/teams/${name}`);
        for (const key of keys) if (key.teamId === id) await house().admin('DELETE', `/keys/${key.id}`);
      }
      await house().admin('DELETE', `/${path}/${name}`);
      const second = await made(name);
      expect([path, (await house().ask(second)).status]).toEqual([path, 200]);
      expect([path, (await house().ask(second)).status]).toEqual([path, 402]);
      await house().admin('PATCH', `/${path}/${name}`, { budgets: [{ amount: 0.017, per: 'month' }] });
      expect(await house().budgetOf(`${path}/${name}`)).toMatchObject({ spent: 10n * TOKEN });
      expect(await house().spent(`${path.slice(0, -1)}:${name}`)).toBe(20n * TOKEN);
    }
    await house().restart();
    for (const path of paths) expect(await house().budgetOf(path)).toMatchObject({ spent: 10n * TOKEN });
  });

  describe('a reset', () => {
    const kinds = ['keys', 'end-users', 'teams', 'users', 'tags'];
    /** Something of the kind with a budget of one call, and how it is asked for. */
    const carrier = async (path: string) => {
      const name = house().fresh('reset');
      const made = await house().admin('POST', `/${path}`, { name, budgets: [{ amount: 0.01, per: 'lifetime' }] });
      const member = path === 'teams' ? { teamId: name } : path === 'users' ? { userId: name } : {};
      const key = path === 'keys' ? made.key : (await house().newKey(member)).key;
      const options = {
        ...(path === 'tags' && { headers: { 'x-turnpike-tags': name } }),
        ...(path === 'end-users' && { fields: { user: name } }),
      };
      return { path: `${path}/${name}`, key, options };
    };

    test('of a key, an end user, a team, a user or a tag makes room on every gateway, and after a restart', async () => {
      house().answers(10);
      const carriers = await Promise.all(kinds.map(carrier));
      await Promise.all(
        carriers.map(async ({ path, key, options }) => {
          expect([path, (await house().ask(key, options)).status]).toEqual([path, 200]);
          await house().gateway.flush();
          for (const at of [0, 1]) await house().becomes(402, key, { ...options, at });
          await house().admin('POST', `/${path}/reset-budgets`);
          // Of the other gateway first: it would find in the ledger what this one spends from now on.
          await house().becomes(200, key, { ...options, at: 1 });
          expect([path, (await house().ask(key, options)).status]).toEqual([path, 200]);
          expect([path, (await house().ask(key, options)).status]).toEqual([path, 402]);
          await house().admin('POST', `/${path}/reset-budgets`, undefined, 1);
        }),
      );
      await house().restart();
      for (const { path, key, options } of carriers) {
        expect([path, (await house().budgetOf(path)).spent]).toEqual([path, 0n]);
        expect([path, (await house().ask(key, options)).status]).toEqual([path, 200]);
      }
    });

    test('in the middle of traffic neither brings back what it forgot nor forgets what comes after', async () => {
      const { name, key } = await house().newKey({ budgets: [{ amount: 5, per: 'lifetime' }] });
      house().answers(10, { firstByteDelayMs: 120 });
      const under = Array.from({ length: 12 }, () => house().ask(key));
      await until(() => house().emulator.requests.length === 12);
      await house().admin('POST', `/keys/${name}/reset-budgets`);
      const after = await Promise.all(Array.from({ length: 7 }, () => house().ask(key)));
      await Promise.all(under);
      expect(after.map(({ status }) => status)).toEqual(after.map(() => 200));
      expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 70n * TOKEN, held: 0n });
      expect(await house().spent(`key:${name}`)).toBe(190n * TOKEN);
    });
  });

  test('a reset through another gateway forgets nothing that began after it, however late this one hears of it', async () => {
    const { name, key } = await house().newKey({ budgets: [{ amount: 5, per: 'lifetime' }] });
    house().answers(10, { firstByteDelayMs: 700 });
    const before = [house().ask(key), house().ask(key)];
    await until(() => house().emulator.requests.length === 2);
    await house().admin('POST', `/keys/${name}/reset-budgets`, undefined, 1);
    const after = Array.from({ length: 7 }, () => house().ask(key));
    for (const { status } of await Promise.all([...before, ...after])) expect(status).toBe(200);
    expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 70n * TOKEN, held: 0n });
  });

  describe('with a time of its own', () => {
    afterEach(() => {
      stoppedMs = undefined;
    });

    test('an attempt burdens the window it began in, not the one in which it ends', async () => {
      at('2027-01-10T23:59:59.900Z');
      const { name, key } = await house().newKey({ budgets: [{ amount: 0.02, per: 'day' }] });
      house().answers(10, { firstByteDelayMs: 100 });
      const under = house().ask(key, { max: 20 });
      await until(() => house().emulator.requests.length === 1);
      at('2027-01-11T00:00:00.000Z');
      // The day is new, though the other one's money is still held.
      expect((await house().ask(key, { max: 20 })).status).toBe(200);
      await under;
      expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 10n * TOKEN, held: 0n });
    });

    test.each([
      ['month', 'UTC', '2027-01-31T12:00:00Z', '2027-02-01T00:00:00.000Z'],
      ['day', 'Europe/Berlin', '2027-03-27T23:30:00Z', '2027-03-28T22:00:00.000Z'],
      ['week', 'UTC', '2027-06-16T09:00:00Z', '2027-06-21T00:00:00.000Z'],
      ['hour', 'UTC', '2027-06-21T09:59:00Z', '2027-06-21T10:00:00.000Z'],
      ['day', 'Europe/Berlin', '2027-10-30T22:30:00Z', '2027-10-31T23:00:00.000Z'],
      ['month', 'America/New_York', '2027-11-30T12:00:00Z', '2027-12-01T05:00:00.000Z'],
      ['week', 'UTC', '2027-12-31T23:59:59Z', '2028-01-03T00:00:00.000Z'],
      ['month', 'UTC', '2028-02-29T00:00:00Z', '2028-03-01T00:00:00.000Z'],
    ])(
      'a %s (%s) that is spent at %s is full again at %s, to the millisecond, also of a reusable budget',
      async (per, zone, nowIso, endIso) => {
        at(nowIso);
        const plan = house().fresh('plan');
        await house().admin('POST', '/budgets', { name: plan, budgets: [{ amount: 0.01, per, zone }] });
        const { key } = await house().newKey({ budgetIds: [plan] });
        house().answers(10);
        expect((await house().ask(key)).status).toBe(200);
        const refused = await house().ask(key);
        expect([refused.status, refused.headers.get('x-turnpike-budget-reset')]).toEqual([402, endIso]);
        const leftSec = Math.ceil((Date.parse(endIso) - Date.parse(nowIso)) / 1_000);
        expect(refused.headers.get('retry-after')).toBe(String(leftSec));
        stoppedMs = Date.parse(endIso) - 1;
        expect((await house().ask(key)).status).toBe(402);
        stoppedMs = Date.parse(endIso);
        expect((await house().ask(key)).status).toBe(200);
        expect((await house().ask(key)).status).toBe(402);
      },
    );

    test('what cannot be said of a window is refused by name: two months, a week of six days', async () => {
      for (const per of ['2mo', '1mo', '1w', '6', 'fortnight', '13 months']) {
        const made = house().newKey({ budgets: [{ amount: 1, per }] });
        await expect(made).rejects.toThrow(/400 .*budgets/);
      }
    });
  });
});
