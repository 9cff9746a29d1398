import { expect, test } from 'bun:test';
import { startTestHouse } from '../testing/gateway.test-support.ts';

test('a webhook is told when a soft line is crossed and when a budget is spent, once in a window', async () => {
  const told: Record<string, unknown>[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      told.push((await request.json()) as Record<string, unknown>);
      return new Response(null, { status: 204 });
    },
  });
  const price = { input: 1_000, output: 2_000 };
  const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
  const house = await startTestHouse({
    yaml: JSON.stringify({
      alerts: { webhook: { url: `http://127.0.0.1:${server.port}/hook` } },
      keys: [{ name: 'web', key: 'sk-web-0123456789', budgets: [{ amount: 1, soft: 0.01, per: 'month' }] }],
      models: [{ name: 'chat', endpoints: [chat] }],
    }),
  });
  try {
    const body = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] };
    const headers = { authorization: 'Bearer sk-web-0123456789' };
    const call = async () => {
      const answer = await house.post('/v1/chat/completions', body, { headers });
      await answer.text();
      return answer.status;
    };
    let status = 200;
    for (let calls = 0; status === 200 && calls < 500; calls++) status = await call();
    expect([status, await call()]).toEqual([402, 402]);
    for (let tries = 0; told.length < 2 && tries < 200; tries++) await Bun.sleep(10);
    const label = 'budget of 1 USD per month (key web)';
    expect(told).toMatchObject([
      { type: 'budget.soft_line', budget: label, scope: 'key:web', lineUsd: '0.01' },
      { type: 'budget.spent', budget: label, scope: 'key:web', lineUsd: '1' },
    ]);
    for (const { spentUsd, until } of told) {
      expect(Number(spentUsd)).toBeGreaterThanOrEqual(0.01);
      expect(Date.parse(String(until))).toBeGreaterThan(Date.now());
    }
  } finally {
    await house.stop();
    await server.stop(true);
  }
});
