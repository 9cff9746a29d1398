/** Budgets as the official clients meet them: what they throw, that nothing was sent, and that bills stay below the line. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { type Rig, startRig } from '../rig.ts';

let rig: Rig;
/** Dollars for each million tokens. */
const price = { input: 1_000, output: 2_000 };
const key = (name: string, amount: number) => ({
  name,
  key: `sk-budget-${name}`,
  budgets: [{ amount, per: 'day', zone: 'Europe/Berlin' }],
});

beforeAll(async () => {
  rig = await startRig({
    models: [
      { name: 'chat', endpoints: [{ provider: 'up-openai-chat', model: 'm', price }], retries: 0 },
      { name: 'claude', endpoints: [{ provider: 'up-anthropic-messages', model: 'm', price }], retries: 0 },
    ],
    config: { keys: [key('none', 0), key('openai', 1.5), key('anthropic', 1.5)] },
  });
});
beforeEach(() => rig.emulator.reset());
afterAll(() => rig.stop());

const openai = (name: string) => new OpenAI({ baseURL: `${rig.url}/v1`, apiKey: `sk-budget-${name}` });
const anthropic = (name: string) => new Anthropic({ baseURL: rig.url, apiKey: `sk-budget-${name}` });
const request = { max_tokens: 30, messages: [{ role: 'user' as const, content: 'Hi' }] };

async function thrownBy(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error('Nothing was thrown.');
}

describe.each([false, true])('a spent budget, streamed: %p', (stream) => {
  test.each(['chat', 'claude'])(
    'the OpenAI client gets a 402 with the reason, and nothing is sent: %s',
    async (model) => {
      const error = await thrownBy(() => openai('none').chat.completions.create({ ...request, model, stream }));
      expect(error).toBeInstanceOf(OpenAI.APIError);
      expect(error).toMatchObject({ status: 402, code: 'budget_spent' });
      expect((error as Error).message).toContain('budget of 0 USD per day (key none)');
      expect(rig.emulator.requests).toHaveLength(0);
    },
  );

  test.each(['chat', 'claude'])('the Anthropic client gets a billing error, and nothing is sent: %s', async (model) => {
    const error = await thrownBy(() => anthropic('none').messages.create({ ...request, model, stream }));
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ status: 402, error: { type: 'error', error: { type: 'billing_error' } } });
    expect(rig.emulator.requests).toHaveLength(0);
  });
});

test.each(['openai', 'anthropic'])('64 calls at once of the %s client stay below the line', async (name) => {
  const calls = Array.from({ length: 64 }, async (_, index) => {
    const model = index % 2 === 0 ? 'chat' : 'claude';
    const isStreamed = index % 3 === 0;
    if (name === 'openai' && isStreamed) {
      for await (const chunk of await openai(name).chat.completions.create({ ...request, model, stream: true })) {
        expect(chunk.object).toBe('chat.completion.chunk');
      }
    } else if (name === 'openai') await openai(name).chat.completions.create({ ...request, model });
    else if (isStreamed)
      await anthropic(name)
        .messages.stream({ ...request, model })
        .finalMessage();
    else await anthropic(name).messages.create({ ...request, model });
  });
  const ends = await Promise.allSettled(calls);
  const refused = ends.filter((end) => end.status === 'rejected');
  for (const { reason } of refused) expect(reason).toMatchObject({ status: 402 });
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThan(64);
  expect(rig.emulator.requests).toHaveLength(64 - refused.length);
  await rig.gateway.flush();
  expect(rig.gateway.budgets.heldNanoUsd).toBe(0n);
  const spent = await rig.gateway.store.spendBetween(`key:${name}`, 0, Date.now() + 1);
  expect(spent).toBeGreaterThan(0n);
  expect(spent).toBeLessThanOrEqual(1_500_000_000n);
});
