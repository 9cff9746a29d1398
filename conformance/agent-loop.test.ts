/** A tool loop as applications run it with the AI SDK, through Turnpike, whole and streamed, for each pair of dialects. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { generateText, jsonSchema, type LanguageModel, stepCountIs, streamText, tool } from 'ai';
import { type Rig, startRig } from './rig.ts';

const DIALECTS: DialectId[] = ['openai-chat', 'anthropic-messages'];
let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
});
beforeEach(() => rig.emulator.reset());
afterAll(() => rig.stop());

function modelOf(client: DialectId, upstream: DialectId): LanguageModel {
  const settings = { baseURL: `${rig.url}/v1`, apiKey: rig.key };
  return client === 'openai-chat' ? createOpenAI(settings).chat(upstream) : createAnthropic(settings)(upstream);
}

describe.each(DIALECTS)('client %s', (client) => {
  describe.each(DIALECTS)('provider %s', (upstream) => {
    const asked: string[] = [];
    const schema = jsonSchema<{ city: string }>({
      type: 'object',
      properties: { city: { type: 'string' } },
      required: ['city'],
      additionalProperties: false,
    });
    const weather = tool({
      description: 'The weather of a city',
      inputSchema: schema,
      execute: async ({ city }) => {
        asked.push(city);
        return { city, celsius: 18 };
      },
    });
    const wish = () => ({
      model: modelOf(client, upstream),
      system: 'Be brief.',
      prompt: 'Compare the weather of Paris and Rome.',
      tools: { weather },
      stopWhen: stepCountIs(4),
      maxOutputTokens: 500,
      maxRetries: 0,
    });

    beforeEach(() => {
      asked.length = 0;
      rig.emulator.script([
        {
          text: 'Let me look.',
          toolCalls: [
            { name: 'weather', id: 'call_p', arguments: { city: 'Paris' } },
            { name: 'weather', id: 'call_r', arguments: { city: 'Rome' } },
          ],
        },
        { toolCalls: [{ name: 'weather', id: 'call_o', arguments: { city: 'Oslo' } }] },
        { text: 'All the same.', usage: { input: 300, output: 4, cacheRead: 200 } },
      ]);
    });

    const expectRun = (text: string, steps: number, input: number | undefined) => {
      expect(text).toBe('All the same.');
      expect(steps).toBe(3);
      expect(asked.toSorted()).toEqual(['Oslo', 'Paris', 'Rome']);
      expect(input).toBe(300);
      expect(rig.emulator.requests).toHaveLength(3);
    };

    test('whole', async () => {
      const { text, steps } = await generateText(wish());
      expectRun(text, steps.length, steps.at(-1)?.usage.inputTokens);
    });

    test('streamed', async () => {
      const stream = streamText(wish());
      const steps = await stream.steps;
      expectRun(await stream.text, steps.length, steps.at(-1)?.usage.inputTokens);
    });
  });
});
