/** What a call cost: figures that other gateways lose, estimate or price wrongly, held to the nano-dollar in the ledger. */
import { describe, expect, test } from 'bun:test';
import { ADMIN, type Answered, type House, inHouse, price, TOKEN } from './house.ts';

const usdPerMillion = {
  sonnet: { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
  opus: { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  gemini: {
    input: 1.25,
    output: 10,
    cacheRead: 0.31,
    tiers: [{ aboveInputTokens: 200_000, input: 2.5, output: 15, cacheRead: 0.625 }],
  },
  own: { input: 2, output: 4, cacheRead: 0.2, cacheWrite: 2.5 },
};
const claudeUp = { provider: 'up-anthropic-messages', model: 'm' };
const openai = { provider: 'openai', baseUrl: '{{upstream}}/v1', apiKey: 'upstream-key' };
const chatUp = { provider: 'up-openai-chat', model: 'm' };

inHouse(
  {
    models: [
      ...Object.entries(usdPerMillion).map(([name, price]) => ({
        name,
        retries: 0,
        endpoints: [{ ...claudeUp, price }],
      })),
      { name: 'mini', retries: 0, endpoints: [{ ...chatUp, price: { input: 0.15, output: 0.6, cacheRead: 0.075 } }] },
      // Of the catalogue, by the provider's own name of the model, whatever it is called here and wherever it is.
      { name: 'our-assistant', endpoints: [{ ...openai, model: 'gpt-4o-mini' }] },
      { name: 'house/*', endpoints: [{ ...openai, model: '*' }] },
      { name: 'strange', endpoints: [{ ...openai, model: 'nobody-has-heard-of-it' }] },
      { name: 'backed', retries: 1, endpoints: [{ ...chatUp, id: 'first', price }], fallbacks: ['claude'] },
    ],
  },
  (house) => {
    /** The entries of one answer, the first attempt first. */
    const entriesOf = async ({ headers }: Pick<Answered, 'headers'>) => {
      await house().gateway.flush();
      const id = headers.get('x-turnpike-exchange-id') ?? '';
      const entries = await house().gateway.store.ledgerEntries({ limit: 100 });
      return entries
        .filter(({ exchangeId }) => exchangeId === id)
        .sort((a, b) => Number(a.attempt) - Number(b.attempt));
    };
    const costOf = async (answer: Answered) => (await entriesOf(answer)).at(-1)?.costNanoUsd;

    describe.each([false, true])('streamed: %p', (stream) => {
      test.each([
        // 3 at 3, 12304 at 3.75 and 550 at 15 dollars a million; by others 0.091311.
        [
          'written cache apart from the few tokens beside it',
          'sonnet',
          { input: 12_307, cacheWrite: 12_304, output: 550 },
          54_399_000n,
        ],
        // By others 0.04708.
        [
          'cache written and read in one prompt',
          'opus',
          { input: 98_805, cacheRead: 66_360, cacheWrite: 32_435, output: 5_120 },
          363_948_750n,
        ],
        // All parts at the tier the whole prompt reaches; by others 0.7642, or two tiers mixed.
        ['a long prompt, mostly cached', 'gemini', { input: 262_960, cacheRead: 257_955, output: 1_744 }, 199_894_375n],
        [
          'prices of one’s own: cached tokens are not billed in full',
          'own',
          { input: 1_000, cacheRead: 200, cacheWrite: 700, output: 10 },
          2_030_000n,
        ],
      ] as const)('%s', async (_name, model, usage, nanoUsd) => {
        const { key } = await house().newKey();
        for (const face of ['chat', 'messages'] as const) {
          house().answers(0, { usage });
          const answer = await house().ask(key, { model, face, fields: { stream } });
          expect([face, await costOf(answer)]).toEqual([face, nanoUsd]);
        }
      });

      test('under a name and an address of one’s own a known model has its price, not none', async () => {
        const { key } = await house().newKey();
        house().answers(0, { usage: { input: 1_000, output: 1_000 } });
        const costs = [];
        for (const model of ['our-assistant', 'house/gpt-4o-mini']) {
          costs.push(await costOf(await house().ask(key, { model, fields: { stream } })));
        }
        expect(costs[0]).toBeGreaterThan(0n);
        expect(costs[1]).toBe(costs[0]);
      });

      test('a model that nobody knows the price of costs an unknown amount, not nothing', async () => {
        const { key } = await house().newKey();
        house().answers(10);
        const answer = await house().ask(key, { model: 'strange', fields: { stream } });
        expect([answer.status, await costOf(answer)]).toEqual([200, undefined]);
        const id = answer.headers.get('x-turnpike-exchange-id');
        const logs = (await house().admin('GET', '/logs')).data as readonly Record<string, unknown>[];
        const row = logs.find((each) => each.id === id) ?? {};
        expect(Object.keys(row)).toContain('usage');
        expect(Object.keys(row)).not.toContain('costNanoUsd');
      });

      test('figures that cannot be do not make money back: more cached than there is', async () => {
        const { key } = await house().newKey();
        house().answers(0, { usage: { input: 100, cacheRead: 300, output: 10 } });
        const cost = (await costOf(await house().ask(key, { model: 'mini', fields: { stream } }))) ?? -1n;
        expect(cost).toBeGreaterThanOrEqual(6_000n);
        expect(cost).toBeLessThanOrEqual(300n * 150n + 6_000n);
      });

      test('the caller finds what its call cost, exactly, as soon as it has the answer', async () => {
        const { key } = await house().newKey();
        house().answers(0, { usage: { input: 1_234, output: 57 } });
        const answer = await house().ask(key, { model: 'mini', fields: { stream } });
        const cost = Number(1_234n * 150n + 57n * 600n) / 1e9;
        const told = answer.headers.get('x-turnpike-cost-usd');
        expect(told === null ? undefined : Number(told)).toBe(stream ? undefined : cost);
        const id = answer.headers.get('x-turnpike-exchange-id');
        const found = await getJson(house(), `/api/v1/generation?id=${id}`, key);
        expect(found.data).toMatchObject({ total_cost: cost });
      });

      test('an error in the dress of a success costs nothing and is told as what it is', async () => {
        const { name, key } = await house().newKey();
        house().answers(10);
        house().emulator.fault('error-body,429');
        const answer = await house().ask(key, { fields: { stream } });
        expect([answer.status, await house().spent(`key:${name}`)]).toEqual([429, 0n]);
      });
    });

    test.each(['with-finish', 'always', 'asked'] as const)(
      'usage of a stream is taken wherever it stands: %s',
      async (streamUsage) => {
        const { key } = await house().newKey();
        // Mostly cached: by others estimated, at four times the cost.
        const usage = { input: 16_111, cacheRead: 15_872, output: 12 };
        for (const face of ['chat', 'messages'] as const) {
          house().answers(0, { usage, streamUsage });
          const answer = await house().ask(key, { model: 'mini', face, fields: { stream: true } });
          const [entry] = await entriesOf(answer);
          expect(entry).toMatchObject({ isEstimated: false, costNanoUsd: 239n * 150n + 15_872n * 75n + 12n * 600n });
        }
      },
    );

    test.each(['chat', 'messages'] as const)(
      'a stream without usage is no free one: it is estimated, and says so: %s',
      async (face) => {
        const { name, key } = await house().newKey({ budgets: [{ amount: 10, per: 'day' }] });
        house().answers(30, { text: Array.from({ length: 30 }, (_, at) => `word${at} `), streamUsage: 'never' });
        const answer = await house().ask(key, { max: 99, fields: { stream: true }, face });
        expect((await entriesOf(answer)).at(-1)).toMatchObject({ isEstimated: true });
        const spent = await house().spent(`key:${name}`);
        expect(spent).toBeGreaterThanOrEqual(30n * TOKEN);
        expect((await house().budgetOf(`keys/${name}`)).spent).toBe(spent);
      },
    );

    test.each(['error-event,12,529', 'cut-clean,12', 'cut-close,12'])(
      'a stream that goes wrong in its middle is paid for what came: %s',
      async (fault) => {
        for (const [face, model] of [
          ['chat', 'chat'],
          ['messages', 'claude'],
          ['messages', 'chat'],
          ['chat', 'claude'],
        ] as const) {
          const { name, key } = await house().newKey({ budgets: [{ amount: 10, per: 'day' }] });
          house().answers(60, { text: Array.from({ length: 60 }, (_, at) => `word${at} `), paceMs: 4 });
          house().emulator.fault(fault);
          const response = await house().send(key, { face, model, max: 99, fields: { stream: true } });
          await response.text().catch(() => undefined);
          const spent = await house().spent(`key:${name}`);
          expect([face, model, spent > 5n * TOKEN && spent < 60n * TOKEN]).toEqual([face, model, true]);
          expect((await house().budgetOf(`keys/${name}`)).spent).toBe(spent);
        }
      },
    );

    test('over retries, a fallback and failures, one figure stands in logs, sums, budgets and every face', async () => {
      const teamId = house().fresh('team');
      await house().admin('POST', '/teams', { name: teamId });
      const { name, key } = await house().newKey({ teamId, budgets: [{ amount: 100, per: 'lifetime' }] });
      const ids = new Map<string, string>();
      const asks = [
        { faults: 0, stream: false },
        { faults: 1, stream: true },
        { faults: 2, stream: false },
        { faults: 3, stream: true },
        { faults: 0, stream: true },
      ];
      for (const { faults, stream } of asks) {
        house().answers(10);
        if (faults > 0) house().emulator.fault('status,503', { times: faults });
        const answer = await house().ask(key, { model: 'backed', fields: { stream } });
        expect(answer.status).toBe(faults > 2 ? 503 : 200);
        ids.set(answer.headers.get('x-turnpike-exchange-id') ?? '', answer.text);
        const entries = await entriesOf(answer);
        const served = faults > 2 ? 0n : 10n * TOKEN;
        expect(entries.map(({ costNanoUsd }) => costNanoUsd)).toEqual([
          ...Array.from({ length: Math.min(faults, 3) }, () => 0n),
          ...(faults > 2 ? [] : [served]),
        ]);
      }
      const nanoUsd = 40n * TOKEN;
      expect(await house().spent(`key:${name}`)).toBe(nanoUsd);
      expect(await house().spent(`team:${teamId}`)).toBe(nanoUsd);
      expect((await house().budgetOf(`keys/${name}`)).spent).toBe(nanoUsd);
      const rows = await house().gateway.store.recentExchanges({ limit: 1_000 });
      const own = rows.filter(({ keyName }) => keyName === name);
      expect(own.map(({ id }) => id).sort()).toEqual([...ids.keys()].sort());
      expect(own.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0n), 0n)).toBe(nanoUsd);
      for (const { id, responseId = '' } of own) if (responseId !== '') expect(ids.get(id)).toContain(responseId);
      // As OpenRouter, Vercel and LiteLLM tell a key what it spent.
      expect((await getJson(house(), '/api/v1/key', key)).data).toMatchObject({ usage: 0.04, limit_remaining: 99.96 });
      expect(await getJson(house(), '/v1/credits', key)).toMatchObject({ total_used: '0.04' });
      expect((await getJson(house(), `/key/info`, key)).info).toMatchObject({ spend: 0.04 });
    });
  },
);

async function getJson(house: House, path: string, key: string = ADMIN): Promise<Record<string, unknown>> {
  const response = await fetch(house.gateway.url + path, { headers: { authorization: `Bearer ${key}` } });
  return (await response.json()) as Record<string, unknown>;
}
