import { afterAll, beforeAll, expect, test } from 'bun:test';
import { MemoryAuthority } from '../quota/memory-authority.ts';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

const houses: TestHouse[] = [];
const price = { input: 1_000, output: 2_000 };
const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
const yaml = JSON.stringify({
  keys: [
    { name: 'crowd', key: 'sk-crowd-0123456789', budgets: [{ amount: 2, per: 'lifetime' }] },
    { name: 'watched', key: 'sk-watched-0123456789', budgets: [{ soft: 1, per: 'lifetime' }] },
  ],
  models: [{ name: 'chat', endpoints: [chat] }],
});

beforeAll(async () => {
  const authority = new MemoryAuthority();
  houses.push(await startTestHouse({ yaml, authority }), await startTestHouse({ yaml, authority }));
});
afterAll(async () => {
  for (const house of houses) await house.stop();
});

test('two gateways spend one budget together: never over it, and refused only when it is gone', async () => {
  const body = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] };
  const headers = { authorization: 'Bearer sk-crowd-0123456789' };
  const spent = async () => {
    let sum = 0n;
    for (const { gateway } of houses) {
      await gateway.flush();
      sum += await gateway.store.spendBetween('key:crowd', 0, Date.now() + 1);
    }
    return sum;
  };
  let refused: string | undefined;
  for (let round = 0; round < 40 && refused === undefined; round++) {
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, at) => houses[at % 2]?.post('/v1/chat/completions', body, { headers })),
    );
    for (const answer of answers) {
      const text = await answer?.text();
      if (answer?.status !== 200) {
        expect(answer?.status).toBe(402);
        refused = text;
      }
    }
    expect(await spent()).toBeLessThanOrEqual(2_000_000_000n);
  }
  expect(refused).toContain('budget of 2 USD');
  let needed = 0;
  // One after the other, nobody holds anything: what is left is found wherever it is leased.
  for (const house of [...houses, ...houses]) {
    let answer = await house.post('/v1/chat/completions', body, { headers });
    while (answer.status === 200) answer = await house.post('/v1/chat/completions', body, { headers });
    expect(answer.status).toBe(402);
    needed = Math.round(Number(answer.headers.get('x-turnpike-budget-needed-usd')) * 1e9);
  }
  expect(needed).toBeGreaterThan(0);
  const left = 2_000_000_000n - (await spent());
  expect(left).toBeGreaterThanOrEqual(0n);
  expect(left).toBeLessThan(BigInt(needed));
});

test('two gateways count a budget with a soft line alone together, and serve beyond it', async () => {
  const body = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] };
  const headers = { authorization: 'Bearer sk-watched-0123456789' };
  const alerts = async () => {
    const found: (string | null)[] = [];
    for (const house of houses) {
      const answer = await house.post('/v1/chat/completions', body, { headers });
      await answer.text();
      expect(answer.status).toBe(200);
      found.push(answer.headers.get('x-turnpike-budget-alert'));
    }
    return found;
  };
  const [first] = await alerts();
  expect(first).toBeNull();
  const untilMs = performance.now() + 10_000;
  let told = await alerts();
  while (told.includes(null) && performance.now() < untilMs) told = await alerts();
  // Both see what both spent: the same sum to a call or two, and more than either spent alone.
  const sums = told.map((line) => Number(/: ([\d.]+) USD spent/.exec(line ?? '')?.[1]));
  const alone = await Promise.all(
    houses.map(async ({ gateway }) => {
      await gateway.flush();
      return Number(await gateway.store.spendBetween('key:watched', 0, Date.now() + 1)) / 1e9;
    }),
  );
  for (const sum of sums) expect(sum).toBeGreaterThan(Math.max(...alone) * 1.5);
});
