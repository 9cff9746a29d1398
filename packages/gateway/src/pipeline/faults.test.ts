import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { ADMIN_KEY, startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

/**
 * Every way a provider can go wrong, seen through the official clients: a proper error of their own kind, within the
 * deadline; never a hang, never a clean end of a stream that was cut.
 */

let house: TestHouse;
let openai: OpenAI;
let anthropic: Anthropic;

beforeAll(async () => {
  house = await startTestHouse();
  openai = new OpenAI({ apiKey: ADMIN_KEY, baseURL: `${house.gateway.url}/v1`, maxRetries: 0 });
  anthropic = new Anthropic({ apiKey: ADMIN_KEY, baseURL: house.gateway.url, maxRetries: 0 });
});
afterAll(() => house.stop());
afterEach(() => house.emulator.reset());

const messages = [{ role: 'user' as const, content: 'Say ten words.' }];
const TEXT = 'one two three four five six seven eight nine ten';

/** What a client made of a call: its text, or the error it threw. */
type Seen = { text: string; error?: undefined } | { text: string; error: Error };

const clients = {
  openai: {
    async whole(model: string): Promise<Seen> {
      const answer = await openai.chat.completions.create({ model, messages });
      return { text: answer.choices[0]?.message.content ?? '' };
    },
    async streamed(model: string): Promise<Seen> {
      let text = '';
      const stream = await openai.chat.completions.create({ model, messages, stream: true });
      try {
        for await (const chunk of stream) text += chunk.choices?.[0]?.delta.content ?? '';
      } catch (error) {
        return { text, error: error as Error };
      }
      return { text };
    },
    errorClass: OpenAI.APIError,
  },
  anthropic: {
    async whole(model: string): Promise<Seen> {
      const answer = await anthropic.messages.create({ model, messages, max_tokens: 100 });
      return { text: answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('') };
    },
    async streamed(model: string): Promise<Seen> {
      let text = '';
      const stream = await anthropic.messages.create({ model, messages, max_tokens: 100, stream: true });
      try {
        for await (const event of stream) {
          if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
        }
      } catch (error) {
        return { text, error: error as Error };
      }
      return { text };
    },
    errorClass: Anthropic.APIError,
  },
};

async function see(call: () => Promise<Seen>): Promise<Seen & { ms: number }> {
  const startedAt = performance.now();
  try {
    return { ...(await call()), ms: performance.now() - startedAt };
  } catch (error) {
    return { text: '', error: error as Error, ms: performance.now() - startedAt };
  }
}

/** Spoils an answer before its first byte for the client: an error by status. */
const beforeTheAnswer: [fault: string, status: number, whole: string, streamed?: string][] = [
  ['reset', 502, 'upstream_refused'],
  ['slow-first-byte,60000', 504, 'upstream_first_byte_timeout'],
  ['status,429', 429, 'upstream_rate_limited'],
  ['status,503', 503, 'upstream_overloaded'],
  ['status,529', 529, 'upstream_overloaded'],
  ['status,500', 500, 'upstream_failed'],
  ['html,502', 502, 'upstream_failed'],
  ['empty-body', 502, 'upstream_garbled', 'upstream_cut_short'],
];

/** Spoils it in the middle. Whole answers are refused by status; streams carry an error after what was good. */
const inTheMiddle: [fault: string, whole: string, streamed: string][] = [
  ['stall,3', 'upstream_stalled', 'upstream_stalled'],
  ['cut-clean,3', 'upstream_garbled', 'upstream_cut_short'],
  ['cut-close,3', 'upstream_cut_short', 'upstream_cut_short'],
  ['cut-reset,3', 'upstream_cut_short', 'upstream_cut_short'],
  ['garbage-json,3', 'upstream_garbled', 'upstream_garbled'],
];

for (const [clientName, client] of Object.entries(clients)) {
  for (const model of ['chat', 'claude']) {
    describe(`${clientName} client, ${model} provider`, () => {
      test.each(beforeTheAnswer)('%s → %d %s', async (fault, status, whole, streamed = whole) => {
        for (const [call, code] of [
          [client.whole, whole],
          [client.streamed, streamed],
        ] as const) {
          house.emulator.reset();
          house.emulator.script([{ text: TEXT }]);
          house.emulator.fault(fault);
          const seen = await see(() => call(model));
          expect(seen.error).toBeInstanceOf(client.errorClass);
          expect((seen.error as unknown as { status: number }).status).toBe(status);
          expect(seen.ms).toBeLessThan(2_000);
          expect((await house.lastRow()).fault).toBe(code);
        }
      });

      test.each(inTheMiddle)('%s: whole', async (fault, code) => {
        house.emulator.script([{ text: TEXT }]);
        house.emulator.fault(fault);
        const seen = await see(() => client.whole(model));
        expect(seen.error).toBeInstanceOf(client.errorClass);
        expect(seen.ms).toBeLessThan(2_000);
        expect((await house.lastRow()).fault).toBe(code);
      });

      test.each(inTheMiddle)('%s: streamed', async (fault, _whole, code) => {
        house.emulator.script([{ text: TEXT }]);
        house.emulator.fault(fault);
        const seen = await see(() => client.streamed(model));
        expect(seen.error).toBeInstanceOf(Error);
        expect(TEXT.startsWith(seen.text)).toBe(true);
        expect(seen.ms).toBeLessThan(2_000);
        expect((await house.lastRow()).fault).toBe(code);
      });

      test('an error event in the stream reaches the client as an error, after the text before it', async () => {
        house.emulator.script([{ text: TEXT }]);
        house.emulator.fault('error-event,4,529');
        const seen = await see(() => client.streamed(model));
        expect(seen.error).toBeInstanceOf(Error);
        expect(seen.text.length).toBeGreaterThan(0);
        const row = await house.lastRow();
        expect(row.fault).toBe('upstream_overloaded');
        expect(row.isEstimated).toBe(true);
        expect(row.costNanoUsd).toBeGreaterThan(0n);
      });

      test('a 200 whose body is an error is an error', async () => {
        for (const call of [client.whole, client.streamed]) {
          house.emulator.reset();
          house.emulator.script([{ text: TEXT }]);
          house.emulator.fault('error-body,500');
          expect((await see(() => call(model))).error).toBeInstanceOf(client.errorClass);
        }
      });

      test('unknown events and comments are passed over', async () => {
        house.emulator.script([{ text: TEXT }]);
        house.emulator.fault('garbage-event,3');
        expect(await see(() => client.streamed(model))).toMatchObject({ text: TEXT });
      });

      test('a trickle of single bytes is one good answer', async () => {
        house.emulator.script([{ text: 'a b c' }]);
        house.emulator.fault('trickle,1,0');
        expect(await see(() => client.streamed(model))).toMatchObject({ text: 'a b c' });
      });

      test('a flood of headers is refused or survived, and the next exchange is fine', async () => {
        for (const fault of ['headers-many,5000', 'headers-huge,1048576']) {
          house.emulator.script([{ text: TEXT }, { text: 'fine' }]);
          house.emulator.fault(fault);
          const seen = await see(() => client.whole(model));
          if (seen.error !== undefined) expect(seen.error).toBeInstanceOf(client.errorClass);
          else expect(seen.text).toBe(TEXT);
          house.emulator.reset();
          house.emulator.script([{ text: 'fine' }]);
          expect((await see(() => client.whole(model))).text).toBe('fine');
        }
      });
    });
  }
}
