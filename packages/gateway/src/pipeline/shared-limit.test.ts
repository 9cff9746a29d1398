import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { AuthorityUnreachable, type QuotaAuthority } from '../quota/authority.ts';
import { MemoryAuthority } from '../quota/memory-authority.ts';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

const price = { input: 1, output: 2 };
const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
const key = (name: string, ...limits: object[]) => ({ name, key: `sk-${name}-0123456789`, limits });
const yaml = JSON.stringify({
  defaults: { retries: 0, deadlines: { connectMs: 400, firstByteMs: 1_000, betweenChunksMs: 400, totalMs: 5_000 } },
  keys: [
    key('crowd', { requests: 40, per: '3s' }),
    key('tokens', { tokens: 2_000, per: 'minute' }),
    key('pair', { concurrency: 2 }),
    key('both', { requests: 10, per: 'minute' }, { concurrency: 1 }),
    key('strict', { requests: 5, per: 'minute', unreachable: 'refuse' }),
    key('easy', { requests: 5, per: 'minute' }),
    key('free'),
  ],
  models: [
    { name: 'chat', endpoints: [chat] },
    { name: 'pool', endpoints: [{ ...chat, id: 'pooled', limits: [{ requests: 3, per: 'minute' }] }] },
  ],
});

/** A way that can be cut. */
class Cuttable implements QuotaAuthority {
  isCut = false;
  calls = 0;
  constructor(readonly authority: QuotaAuthority) {}
  async call(calls: Parameters<QuotaAuthority['call']>[0]) {
    this.calls++;
    if (this.isCut) throw new AuthorityUnreachable('Cut.');
    return this.authority.call(calls);
  }
  onRecall(listener: (account: string) => void) {
    this.authority.onRecall(listener);
  }
  async close() {}
}

const way = new Cuttable(new MemoryAuthority());
const houses: TestHouse[] = [];
beforeAll(async () => {
  houses.push(await startTestHouse({ yaml, authority: way }), await startTestHouse({ yaml, authority: way }));
});
afterAll(async () => {
  for (const house of houses) await house.stop();
});

function ask(name: string, at: number, more: object = {}, model = 'chat'): Promise<Response> {
  const house = houses[at % 2];
  if (house === undefined) throw new Error('There are two.');
  const body = { model, max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }], ...more };
  return house.post('/v1/chat/completions', body, { headers: { authorization: `Bearer sk-${name}-0123456789` } });
}

async function statuses(answers: readonly Promise<Response>[]): Promise<number[]> {
  return Promise.all(
    answers.map(async (answer) => {
      const { status } = await answer;
      await (await answer).text();
      return status;
    }),
  );
}

describe('two gateways with one authority', () => {
  test('admit exactly what one would, say how much is left for both, and when it fits again', async () => {
    const first = await ask('crowd', 0);
    const startedMs = performance.now();
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('39');
    await first.text();
    const codes = await statuses(Array.from({ length: 60 }, (_, at) => ask('crowd', at)));
    expect(codes.filter((code) => code === 200)).toHaveLength(39);
    expect(codes.filter((code) => code === 429)).toHaveLength(21);
    const refusal = await ask('crowd', 1);
    const retryMs = Number(refusal.headers.get('retry-after-ms'));
    expect(refusal.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(await refusal.text()).toContain('40 used');
    // The first of the other gateway's leaves the window.
    expect(Math.abs(retryMs - (3_000 - (performance.now() - startedMs)))).toBeLessThan(100);
    await Bun.sleep(retryMs);
    expect(await statuses([ask('crowd', 1)])).toEqual([200]);
  });

  test('tokens that were reserved and not taken are free for the other', async () => {
    expect(await statuses([ask('tokens', 0, { max_tokens: 1_900 })])).toEqual([200]);
    expect(await statuses([ask('tokens', 1, { max_tokens: 1_900 })])).toEqual([200]);
    expect(await statuses([ask('tokens', 1, { max_tokens: 1_990 })])).toEqual([429]);
  });

  test('places are shared, and come back when an exchange ends however it ends', async () => {
    for (let round = 0; round < 3; round++) {
      const codes = await statuses(Array.from({ length: 8 }, (_, at) => ask('pair', at, { stream: round === 1 })));
      expect(codes.filter((code) => code === 200).length).toBeGreaterThanOrEqual(2);
    }
    expect(await statuses([ask('pair', 0), ask('pair', 1)])).toEqual([200, 200]);
  });

  test('a request that one limit refuses has taken nothing of the other', async () => {
    let admitted = 0;
    for (let round = 0; round < 12; round++) {
      const codes = await statuses(Array.from({ length: 4 }, (_, at) => ask('both', at)));
      admitted += codes.filter((code) => code === 200).length;
    }
    expect(admitted).toBe(10);
  });

  test('an endpoint takes what both may send it together', async () => {
    const codes = await statuses(Array.from({ length: 8 }, (_, at) => ask('free', at, {}, 'pool')));
    expect(codes.filter((code) => code === 200)).toHaveLength(3);
    expect(codes.filter((code) => code === 429)).toHaveLength(5);
  });

  test('nothing is asked for a key without limits', async () => {
    const before = way.calls;
    expect(await statuses([ask('free', 0), ask('free', 1)])).toEqual([200, 200]);
    expect(way.calls).toBe(before);
  });

  test('without the authority a limit goes on alone, or refuses when it says so; nobody waits', async () => {
    expect(await statuses([ask('easy', 0), ask('strict', 0)])).toEqual([200, 200]);
    way.isCut = true;
    const startedMs = performance.now();
    expect(await statuses([ask('strict', 0)])).toEqual([503]);
    const codes = await statuses(Array.from({ length: 6 }, () => ask('easy', 0)));
    expect(codes.filter((code) => code === 200)).toHaveLength(4);
    expect(codes.filter((code) => code === 429)).toHaveLength(2);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    way.isCut = false;
    await Bun.sleep(1_300);
    expect(await statuses([ask('easy', 1), ask('strict', 1)])).toEqual([429, 200]);
  });
});
