/** Where a budget's line lies: ways in which other gateways let calls over it, or refuse calls below it. */
import { describe, expect, test } from 'bun:test';
import { jsonPlan } from '@turnpike/emulator/http/wire-plan.ts';
import { type House, inHouse, onEachStore, price, TOKEN, until } from './house.ts';

const up = { provider: 'up-openai-chat', model: 'm' };
const day = (tokens: number) => [{ amount: tokens / 1_000, per: 'day' }];

onEachStore({}, (house) => {
  describe('the line is the same for whatever carries it: reached exactly, not crossed by a token', () => {
    const levels = ['organisation', 'team', 'project', 'user', 'service-account'] as const;
    const fieldOf = (kind: string) => (kind === 'service-account' ? 'serviceAccountId' : `${kind}Id`);
    const carriers: Record<string, (house: House) => Promise<{ key: string; options?: object }>> = {
      key: (house) => house.newKey({ budgets: day(20) }),
      membership: async (house) => {
        const [userId, teamId] = [house.fresh('user'), house.fresh('team')];
        await house.admin('POST', '/users', { name: userId });
        await house.admin('POST', '/teams', { name: teamId });
        await house.admin('POST', '/memberships', { userId, teamId, role: 'member', budgets: day(20) });
        return house.newKey({ userId, teamId });
      },
      'end user': async (house) => {
        const user = house.fresh('end');
        await house.admin('POST', '/end-users', { name: user, budgets: day(20) });
        return { ...(await house.newKey()), options: { fields: { user } } };
      },
      tag: async (house) => {
        const name = house.fresh('tag');
        await house.admin('POST', '/tags', { name, budgets: day(20) });
        return { ...(await house.newKey()), options: { headers: { 'x-turnpike-tags': name } } };
      },
      'reusable budget': async (house) => {
        const name = house.fresh('plan');
        await house.admin('POST', '/budgets', { name, budgets: day(20) });
        return house.newKey({ budgetIds: [name] });
      },
      'prepaid team': async (house) => {
        const teamId = house.fresh('team');
        await house.admin('POST', '/teams', { name: teamId });
        await house.admin('POST', `/teams/${teamId}/credits/top-ups`, { amount: '0.02', reference: teamId });
        return house.newKey({ teamId });
      },
    };
    for (const kind of levels) {
      carriers[kind] = async (house) => {
        const name = house.fresh(kind);
        await house.admin('POST', `/${kind}s`, { name, budgets: day(20) });
        return house.newKey({ [fieldOf(kind)]: name });
      };
    }

    test.each(Object.keys(carriers))('%s', async (kind) => {
      const { key, options } = (await carriers[kind]?.(house())) ?? { key: '' };
      house().answers(10);
      expect((await house().ask(key, options)).status).toBe(200);
      expect((await house().ask(key, { ...options, max: 11 })).status).toBe(402);
      expect((await house().ask(key, options)).status).toBe(200);
      const over = await house().ask(key, { ...options, max: 1 });
      expect([over.status, over.headers.get('x-turnpike-budget-spent-usd')]).toEqual([402, '0.02']);
    });
  });

  test('a budget of a user holds beside that of the team the key belongs to (peer: only for keys without a team)', async () => {
    const [userId, teamId] = [house().fresh('user'), house().fresh('team')];
    await house().admin('POST', '/users', { name: userId, budgets: day(10) });
    await house().admin('POST', '/teams', { name: teamId, budgets: day(1_000) });
    const { key } = await house().newKey({ userId, teamId });
    house().answers(10);
    expect((await house().ask(key)).status).toBe(200);
    const refused = await house().ask(key, { max: 1 });
    expect([refused.status, refused.text.includes(`(user ${userId})`)]).toEqual([402, true]);
  });

  test('sums of the ledger, running budgets and what is shown are one figure for each level', async () => {
    const [organisationId, teamId, userId] = [house().fresh('org'), house().fresh('team'), house().fresh('user')];
    await house().admin('POST', '/organisations', { name: organisationId, budgets: day(1_000) });
    await house().admin('POST', '/teams', { name: teamId, organisationId, budgets: day(1_000) });
    await house().admin('POST', '/users', { name: userId, organisationId, budgets: day(1_000) });
    const { name, key } = await house().newKey({ teamId, userId, budgets: day(1_000) });
    house().answers(9);
    const asks = Array.from({ length: 30 }, (_, at) =>
      house().ask(key, { model: at % 2 ? 'claude' : 'chat', face: at % 3 ? 'chat' : 'messages' }),
    );
    for (const { status } of await Promise.all(asks)) expect(status).toBe(200);
    for (const [path, scope] of [
      [`keys/${name}`, `key:${name}`],
      [`teams/${teamId}`, `team:${teamId}`],
      [`users/${userId}`, `user:${userId}`],
      [`organisations/${organisationId}`, `organisation:${organisationId}`],
    ] as const) {
      expect([scope, await house().spent(scope)]).toEqual([scope, 270n * TOKEN]);
      expect([path, await house().budgetOf(path)]).toMatchObject([path, { spent: 270n * TOKEN, held: 0n }]);
    }
  });
});

inHouse(
  {
    config: {
      budgets: [
        { amount: 0.02, per: 'day', scope: { model: 'lined' } },
        { amount: 0.02, per: 'day', scope: { key: 'grouped-*' } },
        { amount: 0.01, per: 'day', scope: { endUser: '*' }, each: ['endUser'] },
      ],
      keys: ['grouped-a', 'grouped-b'].map((name) => ({ name, key: `sk-${name}-0123456789` })),
    },
    models: [
      { name: 'lined', retries: 0, endpoints: [{ ...up, price }], fallbacks: ['chat'] },
      { name: 'by.*', retries: 0, endpoints: [{ provider: 'up-openai-chat', model: '*', price }] },
      { name: 'free', endpoints: [{ ...up, price: { input: 0, output: 0 } }] },
      { name: 'unpriced', endpoints: [up] },
      {
        name: 'tiered',
        endpoints: [
          { ...up, price: { input: 1, output: 1, tiers: [{ aboveInputTokens: 20_000, input: 10, output: 1 }] } },
        ],
      },
      { name: 'flaky', retries: 2, endpoints: [{ ...up, price }] },
      {
        name: 'slow',
        retries: 0,
        endpoints: [{ ...up, price, deadlines: { firstByteMs: 150, betweenChunksMs: 150 } }],
      },
    ],
  },
  (house) => {
    test('twenty at once, each at most a fifth of what there is: five pass, and no last one beyond the line', async () => {
      const { name, key } = await house().newKey({ budgets: day(100) });
      house().answers(20, { firstByteDelayMs: 80 });
      const answers = await Promise.all(Array.from({ length: 20 }, () => house().ask(key, { max: 20 })));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
      expect(answers.filter(({ status }) => status === 402)).toHaveLength(15);
      expect(house().emulator.requests).toHaveLength(5);
      expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 100n * TOKEN, held: 0n });
    });

    test('however much is left, the money is held before anything is sent: no caller is trusted', async () => {
      const { name, key } = await house().newKey({ budgets: [{ amount: 1_000_000, per: 'day' }] });
      house().answers(1, { firstByteDelayMs: 150 });
      const under = house().ask(key, { max: 500 });
      await until(() => house().emulator.requests.length === 1);
      expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 0n, held: 500n * TOKEN });
      await under;
      expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: TOKEN, held: 0n });
    });

    test('a request that names no bound is held as a long answer, not as nothing and not refused', async () => {
      const { name, key } = await house().newKey({ budgets: [{ amount: 20, per: 'day' }] });
      house().answers(1, { firstByteDelayMs: 150 });
      const under = house().ask(key, { max: undefined });
      await until(() => house().emulator.requests.length === 1);
      expect((await house().budgetOf(`keys/${name}`)).held).toBe(16_384n * TOKEN);
      expect((await house().ask(key, { max: undefined })).status).toBe(402);
      expect((await under).status).toBe(200);
    });

    test('calls of one end user at once do not race past their budget', async () => {
      const { key } = await house().newKey();
      house().answers(2, { firstByteDelayMs: 60 });
      const ask = (user: string) => house().ask(key, { max: 2, fields: { user } });
      const answers = await Promise.all(Array.from({ length: 24 }, (_, at) => ask(at % 2 ? 'ann' : 'bob')));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
      expect(await house().spent('end-user:ann')).toBe(10n * TOKEN);
      expect((await ask('carl')).status).toBe(200);
    });

    test('what costs nothing passes a budget that is overdrawn, and is counted by none', async () => {
      const { name, key } = await house().newKey({ budgets: day(10) });
      // More than was asked for: that a provider keeps to the bound is not in our hands.
      house().answers(30);
      expect((await house().ask(key)).status).toBe(200);
      expect((await house().ask(key)).status).toBe(402);
      for (const face of ['chat', 'messages'] as const) {
        expect((await house().ask(key, { model: 'free', face })).status).toBe(200);
      }
      expect(await house().spent(`key:${name}`)).toBe(30n * TOKEN);
    });

    test('a price of nobody’s knowing is refused under a hard line, by name, and is not taken for nothing', async () => {
      const strict = await house().newKey({ budgets: day(1_000) });
      const refused = await house().ask(strict.key, { model: 'unpriced' });
      expect([refused.status, refused.text.includes('price_unknown')]).toEqual([402, true]);
      const lax = await house().newKey({ budgets: [{ amount: 1, per: 'day', unpriced: 'allow' }] });
      house().answers(10);
      expect((await house().ask(lax.key, { model: 'unpriced' })).status).toBe(200);
      await house().gateway.flush();
      const [entry] = await house().gateway.store.ledgerEntries({ limit: 1 });
      expect([entry?.scopes.includes(`key:${lax.name}`), entry?.costNanoUsd]).toEqual([true, undefined]);
    });

    test('a prompt that may reach a dearer tier is held at the dearer price', async () => {
      const content = 'word '.repeat(20_000);
      const fields = { messages: [{ role: 'user', content }] };
      // Some 25,000 tokens: 0.25 dollars at the dear price, 0.025 at the other.
      const poor = await house().newKey({ budgets: day(100) });
      expect((await house().ask(poor.key, { model: 'tiered', fields })).status).toBe(402);
      expect((await house().ask(poor.key, { model: 'tiered' })).status).toBe(200);
      expect(
        (await house().ask((await house().newKey({ budgets: day(5_000) })).key, { model: 'tiered', fields })).status,
      ).toBe(200);
    });

    test('a budget of a model holds however the model is reached: bare, by its provider, in either dialect', async () => {
      const { key } = await house().newKey({ budgets: [{ amount: 0.02, per: 'day', model: 'by.*' }] });
      house().answers(10);
      expect((await house().ask(key, { model: 'by.one' })).status).toBe(200);
      expect((await house().ask(key, { model: 'by.two', face: 'messages' })).status).toBe(200);
      expect((await house().ask(key, { model: 'by.three' })).status).toBe(402);
      expect((await house().ask(key, { model: 'chat' })).status).toBe(200);
    });

    test('a budget of a provider counts what reaches it in either dialect, streamed or whole', async () => {
      const { key } = await house().newKey({ budgets: [{ amount: 0.04, per: 'day', provider: 'up-openai-chat' }] });
      house().answers(10);
      for (const face of ['chat', 'messages'] as const) {
        for (const stream of [false, true]) {
          expect((await house().ask(key, { face, fields: { stream } })).status).toBe(200);
        }
      }
      for (const face of ['chat', 'messages'] as const) {
        expect((await house().ask(key, { face, max: 1 })).status).toBe(402);
        expect((await house().ask(key, { face, model: 'claude' })).status).toBe(200);
      }
    });

    test('a fallback is no way around: it counts under the model that was asked for', async () => {
      const { key } = await house().newKey();
      house().answers(10);
      house().emulator.fault('status,503', { times: 1 });
      expect((await house().ask(key, { model: 'lined' })).status).toBe(200);
      expect((await house().ask(key, { model: 'lined' })).status).toBe(200);
      expect((await house().ask(key, { model: 'lined', max: 1 })).status).toBe(402);
    });

    test('several keys under one pattern have one line together', async () => {
      house().answers(10);
      for (const name of ['grouped-a', 'grouped-b']) {
        expect((await house().ask(`sk-${name}-0123456789`)).status).toBe(200);
      }
      for (const name of ['grouped-a', 'grouped-b']) {
        expect((await house().ask(`sk-${name}-0123456789`, { max: 1 })).status).toBe(402);
      }
    });

    describe('nothing stays held', () => {
      const faults = ['status,500', 'status,429', 'reset', 'html,502', 'empty-body', 'error-body,429', 'empty-choices'];
      test.each([false, true])('whatever goes wrong; streamed: %p', async (stream) => {
        const { name, key } = await house().newKey({ budgets: day(10_000) });
        const inStream = [
          'cut-clean,1',
          'cut-close,1',
          'cut-reset,1',
          'error-event,1,529',
          'garbage-json,1',
          'stall,after=1',
        ];
        for (const fault of stream ? [...faults, ...inStream] : faults) {
          house().answers(5);
          house().emulator.fault(fault);
          // A cut answer reaches the client cut.
          await house()
            .ask(key, { model: fault.startsWith('stall') ? 'slow' : 'chat', fields: { stream } })
            .catch(() => undefined);
          await until(() => house().held === 0n);
        }
        expect(await house().budgetOf(`keys/${name}`)).toMatchObject({
          held: 0n,
          spent: await house().spent(`key:${name}`),
        });
      });

      test('when the client leaves, and what it had is paid: neither all nor nothing is given back', async () => {
        const { name, key } = await house().newKey({ budgets: day(10_000) });
        for (const face of ['chat', 'messages'] as const) {
          house().answers(60, { text: Array.from({ length: 60 }, (_, at) => `word${at} `), paceMs: 10 });
          const before = await house().spent(`key:${name}`);
          const abort = new AbortController();
          const response = await house().send(key, {
            face,
            max: 100,
            fields: { stream: true },
            signal: abort.signal,
          });
          const reader = response.body?.getReader();
          for (let n = 0; n < 8; n++) await reader?.read();
          abort.abort();
          await until(() => house().held === 0n);
          const paid = (await house().spent(`key:${name}`)) - before;
          expect(paid).toBeGreaterThan(2n * TOKEN);
          expect(paid).toBeLessThan(60n * TOKEN);
          expect((await house().budgetOf(`keys/${name}`)).spent).toBe(before + paid);
        }
      });

      test('and nothing is charged twice over retries: one that failed costs nothing, one that answered its cost', async () => {
        const { name, key } = await house().newKey({ budgets: day(1_000) });
        house().answers(10);
        house().emulator.fault('status,503', { times: 2 });
        expect((await house().ask(key, { model: 'flaky' })).status).toBe(200);
        expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 10n * TOKEN, held: 0n });
      });
    });

    describe('a call that waits to be tried again', () => {
      test('holds nothing meanwhile: who takes the room has it, the line holds, and the first ends as it had failed', async () => {
        const { name, key } = await house().newKey({ budgets: day(30) });
        house().answers(30, { firstByteDelayMs: 900 });
        house().emulator.fault('status,503');
        const waiting = house().ask(key, { model: 'flaky', max: 20 });
        await until(() => house().emulator.requests.length === 1 && house().held === 0n);
        const other = house().ask(key, { max: 30 });
        expect((await waiting).status).toBe(503);
        expect((await other).status).toBe(200);
        expect(house().emulator.requests).toHaveLength(2);
        expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 30n * TOKEN, held: 0n });
      });

      test('is served when there is room by then', async () => {
        const { name, key } = await house().newKey({ budgets: day(30) });
        house().answers(5);
        house().emulator.fault('status,503');
        const waiting = house().ask(key, { model: 'flaky', max: 20 });
        await until(() => house().emulator.requests.length === 1 && house().held === 0n);
        expect((await house().ask(key, { max: 30 })).status).toBe(200);
        expect((await waiting).status).toBe(200);
        expect(await house().budgetOf(`keys/${name}`)).toMatchObject({ spent: 10n * TOKEN, held: 0n });
      });
    });

    test('an answer that came without figures counts as all that was held, and is no gap to spend through', async () => {
      const { name, key } = await house().newKey({ budgets: day(25) });
      const message = { role: 'assistant', content: 'Hello.' };
      const body = { id: 'c', object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] };
      house().answers(10, { plan: jsonPlan(200, body) });
      expect((await house().ask(key)).status).toBe(200);
      expect((await house().budgetOf(`keys/${name}`)).spent).toBe(10n * TOKEN);
      expect((await house().ask(key)).status).toBe(200);
      expect((await house().ask(key)).status).toBe(402);
    });
  },
);
