/** What the AI SDK's gateway client asks about money and usage, from Turnpike in the place of Vercel's AI Gateway. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createGateway } from 'ai';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
/** Dollars for each million tokens. */
const price = { input: 1_000, output: 2_000 };

beforeAll(async () => {
  rig = await startRig({
    models: [{ name: 'priced', endpoints: [{ provider: 'up-openai-chat', model: 'm', price }], retries: 0 }],
    config: {
      keys: [
        { name: 'web', key: 'sk-web-0123456789', budgets: [{ amount: '10.000000001', per: 'month' }] },
        { name: 'idle', key: 'sk-idle-0123456789' },
      ],
    },
  });
});
afterAll(() => rig.stop());

const client = (apiKey: string) => createGateway({ baseURL: `${rig.url}/v3/ai`, apiKey });

async function chat(stream: boolean): Promise<string> {
  const response = await fetch(`${rig.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-web-0123456789', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'priced', stream, max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  await response.text();
  return response.headers.get('x-turnpike-exchange-id') ?? '';
}

describe('the gateway client', () => {
  test.each([false, true])('reads a generation and what it cost; streamed: %p', async (stream) => {
    const id = await chat(stream);
    const info = await client('sk-web-0123456789').getGenerationInfo({ id });
    expect(info).toMatchObject({
      id,
      model: 'up-openai-chat/m',
      providerName: 'up-openai-chat',
      streamed: stream,
      finishReason: 'stop',
      isByok: false,
    });
    const { promptTokens, completionTokens } = info;
    expect(Math.round(info.totalCost * 1e9)).toBe(promptTokens * 1_000_000 + completionTokens * 2_000_000);
    expect(promptTokens * completionTokens).toBeGreaterThan(0);
  });

  test('reads credits: what is left of the budget, and what is used, to the last decimal', async () => {
    await chat(false);
    const { balance, totalUsed } = await client('sk-web-0123456789').getCredits();
    const nano = (text: string) =>
      BigInt(text.split('.')[0] ?? '') * 1_000_000_000n + BigInt((text.split('.')[1] ?? '').padEnd(9, '0'));
    expect(nano(totalUsed)).toBeGreaterThan(0n);
    expect(nano(balance) + nano(totalUsed)).toBe(10_000_000_001n);
  });

  test('reads a report, whose sums are those of the key', async () => {
    await chat(false);
    const web = client('sk-web-0123456789');
    const today = new Date().toISOString().slice(0, 10);
    const dates = { startDate: today, endDate: today };
    const [{ totalUsed }, days, hours, models, filtered, none] = await Promise.all([
      web.getCredits(),
      web.getSpendReport(dates),
      web.getSpendReport({ ...dates, groupBy: 'day', datePart: 'hour' }),
      web.getSpendReport({ ...dates, groupBy: 'model' }),
      web.getSpendReport({ ...dates, provider: 'up-openai-chat', model: 'priced' }),
      web.getSpendReport({ ...dates, provider: 'other' }),
    ]);
    expect(days.results[0]).toMatchObject({ day: today, totalCost: Number(totalUsed) });
    expect(hours.results.every(({ hour = '' }) => hour.startsWith(today.slice(0, 8)))).toBe(true);
    expect(models.results).toMatchObject([{ model: 'priced', totalCost: Number(totalUsed) }]);
    expect(filtered.results).toEqual(days.results);
    expect(none.results).toEqual([]);
    const byKey = await client(rig.key).getSpendReport({ ...dates, groupBy: 'provider' });
    expect(byKey.results).toMatchObject([{ provider: 'up-openai-chat', totalCost: Number(totalUsed) }]);
  });

  test('sees nothing of others', async () => {
    const id = await chat(false);
    const idle = client('sk-idle-0123456789');
    const today = new Date().toISOString().slice(0, 10);
    expect(await idle.getCredits()).toEqual({ balance: '0', totalUsed: '0' });
    expect((await idle.getSpendReport({ startDate: today, endDate: today })).results).toEqual([]);
    await expect(idle.getGenerationInfo({ id })).rejects.toMatchObject({
      statusCode: 404,
      message: expect.stringContaining(id),
    });
  });

  test('gets errors it understands', async () => {
    await expect(client('sk-nobody-0123456789').getCredits()).rejects.toMatchObject({ type: 'authentication_error' });
    const backwards = client(rig.key).getSpendReport({ startDate: '2026-02-02', endDate: '2026-02-01' });
    await expect(backwards).rejects.toMatchObject({
      type: 'invalid_request_error',
      message: expect.stringContaining('end_date'),
    });
  });
});
