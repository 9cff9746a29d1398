/**
 * The official clients against every provider dialect, over real sockets: what an application asks arrives upstream,
 * and what the provider answers is what the application gets, whole and streamed.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type { Turn } from '@turnpike/emulator/turn.ts';
import type { CanonRequest } from '@turnpike/wire/canon/request.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { type Rig, startRig } from './rig.ts';
import { anthropicClient, openaiClient, type SdkClient, type Seen } from './sdk/clients.ts';
import { bounded, media, PDF, PNG, structured, text, thinking, toolResults, tools, type Wish } from './sdk/requests.ts';
import { dialects } from './trip.ts';

const DIALECTS: DialectId[] = ['openai-chat', 'anthropic-messages'];
const FORMS = [
  ['whole', false],
  ['streamed', true],
] as const;

let rig: Rig;
let clients: Record<DialectId, SdkClient>;

beforeAll(async () => {
  rig = await startRig();
  clients = { 'openai-chat': openaiClient(rig.url, rig.key), 'anthropic-messages': anthropicClient(rig.url, rig.key) };
});
beforeEach(() => rig.emulator.reset());
afterAll(() => rig.stop());

/** Words for one finish in each client's vocabulary. */
const FINISH: Record<DialectId, Record<'stop' | 'length' | 'tool-calls', string>> = {
  'openai-chat': { stop: 'stop', length: 'length', 'tool-calls': 'tool_calls' },
  'anthropic-messages': { stop: 'end_turn', length: 'max_tokens', 'tool-calls': 'tool_use' },
};

const USAGE = { input: 120, cacheRead: 100, output: 30 };

for (const client of DIALECTS) {
  for (const upstream of DIALECTS) {
    for (const [form, isStreamed] of FORMS) {
      describe(`${client} client, ${upstream} provider, ${form}`, () => {
        const ask = (wish: Wish | JsonObject, ...turns: Turn[]): Promise<Seen> => {
          rig.emulator.script(turns);
          const request = isWish(wish) ? wish[client] : wish;
          return clients[client].ask({ model: upstream, ...request }, { isStreamed });
        };
        const finish = FINISH[client];

        test('text and system instructions', async () => {
          const seen = await ask(text, { text: 'Hello there, wörld 🌍.', usage: USAGE });
          expect(seen.texts).toEqual(['Hello there, wörld 🌍.']);
          expect(seen.finish).toBe(finish.stop);
          expect(seen.usage).toEqual(USAGE);
          const [system, user] = sentUpstream(upstream).messages;
          expect(system?.parts[0]).toMatchObject({ type: 'text', text: 'Be brief.' });
          expect(['system', 'developer']).toContain(system?.role ?? '');
          expect(user?.parts[0]).toMatchObject({ type: 'text', text: 'Say hello — ünïcode 🌍' });
        });

        test("the provider's response id reaches the application", async () => {
          expect((await ask(text, { text: 'Hi', id: 'resp_from_provider' })).id).toBe('resp_from_provider');
        });

        test('a tool call, its result, and the answer', async () => {
          const first = await ask(tools, {
            toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: { city: 'Paris' } }],
          });
          expect(first.toolCalls).toEqual([{ id: 'call_1', name: 'get_weather', arguments: { city: 'Paris' } }]);
          expect(first.finish).toBe(finish['tool-calls']);
          const second = await ask(
            toolResults(client, tools[client], first.message, [{ id: 'call_1', text: '18 °C' }]),
            { text: 'It is 18 °C.' },
          );
          expect(second.texts).toEqual(['It is 18 °C.']);
          const parts = sentUpstream(upstream).messages.flatMap((message) => message.parts);
          expect(parts.find((part) => part.type === 'tool-call')).toMatchObject({ id: 'call_1', name: 'get_weather' });
          expect(parts.find((part) => part.type === 'tool-result')).toMatchObject({
            callId: 'call_1',
            content: [{ type: 'text', text: '18 °C' }],
          });
        });

        test('parallel calls and their results, text before them', async () => {
          const calls = [
            { id: 'call_a', name: 'get_weather', arguments: { city: 'Paris' } },
            { id: 'call_b', name: 'get_weather', arguments: { city: 'Rome' } },
          ];
          const first = await ask(tools, { text: 'Let me look.', toolCalls: calls });
          expect(first.texts).toEqual(['Let me look.']);
          expect(first.toolCalls).toEqual(calls);
          const results = calls.map(({ id }) => ({ id, text: `result of ${id}` }));
          await ask(toolResults(client, tools[client], first.message, results), { text: 'Done.' });
          const parts = sentUpstream(upstream).messages.flatMap((message) => message.parts);
          const ids = parts.flatMap((part) => (part.type === 'tool-result' ? [part.callId] : []));
          expect(ids).toEqual(['call_a', 'call_b']);
        });

        test('a call without arguments', async () => {
          const seen = await ask(tools, { toolCalls: [{ id: 'call_1', name: 'now', arguments: '' }] });
          expect(seen.toolCalls).toEqual([{ id: 'call_1', name: 'now', arguments: {} }]);
        });

        test('images by bytes and by address, and a PDF', async () => {
          await ask(media, { text: 'A dot.' });
          const parts = sentUpstream(upstream).messages.flatMap((message) => message.parts);
          const sources = parts.flatMap((part) => (part.type === 'media' ? [{ kind: part.kind, ...part.source }] : []));
          expect(sources).toEqual([
            { kind: 'image', type: 'base64', data: PNG },
            { kind: 'image', type: 'url', url: 'https://example.com/a.png' },
            { kind: 'document', type: 'base64', data: PDF },
          ]);
        });

        test('structured output', async () => {
          const seen = await ask(structured, { text: '{"city":"Paris"}' });
          expect(JSON.parse(seen.texts[0] ?? '')).toEqual({ city: 'Paris' });
          expect(sentUpstream(upstream).responseFormat).toMatchObject({
            type: 'json-schema',
            schema: { type: 'object', required: ['city'] },
          });
        });

        test('reasoning with a proof: on the second turn it is back upstream byte for byte', async () => {
          const signature = `EqQBCkYIBxgCKkD${'abcdefghijklmnopqrstuvwxyz0123456789+/'.repeat(6)}==`;
          const first = await ask(thinking, {
            reasoning: 'I need the weather first.',
            signature,
            toolCalls: [{ id: 'call_1', name: 'get_weather', arguments: { city: 'Paris' } }],
          });
          expect(first.reasoning).toBe('I need the weather first.');
          await ask(toolResults(client, thinking[client], first.message, [{ id: 'call_1', text: '18 °C' }]), {
            text: 'Warm.',
          });
          const raw = JSON.parse(new TextDecoder().decode(lastRequest().body));
          expect(strings(raw).filter((value) => value === signature)).toHaveLength(1);
          expect(strings(raw)).toContain('I need the weather first.');
        });

        test('stop sequences and the bound on output', async () => {
          const seen = await ask(bounded, { text: 'one two', finish: 'length' });
          expect(seen.finish).toBe(finish.length);
          expect(sentUpstream(upstream)).toMatchObject({ stop: ['END', 'FIN'], maxOutputTokens: 7 });
        });

        test('the application goes away: the provider is hung up on', async () => {
          const words = Array.from({ length: 200 }, (_, at) => `${at} `);
          rig.emulator.script([{ text: words, paceMs: 20, firstByteDelayMs: isStreamed ? 50 : 2_000 }]);
          const abort = new AbortController();
          const request = { model: upstream, ...text[client] };
          const asked = clients[client].ask(request, {
            isStreamed,
            signal: abort.signal,
            onFirst: () => abort.abort(),
          });
          if (!isStreamed) setTimeout(() => abort.abort(), 150);
          expect(
            await asked.then(
              () => 'answered',
              () => 'aborted',
            ),
          ).toBe('aborted');
          await rig.emulator.idle();
          expect(rig.emulator.bill.at(-1)?.ended).toBe('client-closed');
        });

        for (const status of [400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529]) {
          test(`status ${status} is the SDK's own error, with the provider's words`, async () => {
            rig.emulator.fault({ kind: 'status', code: status, message: `the provider says ${status}` });
            const failure = await ask(text, { text: 'unused' }).then(
              () => undefined,
              (error: unknown) => error,
            );
            expect(failure).toBeInstanceOf(clients[client].errorClass(status));
            expect(failure).toMatchObject({ status });
            expect(String((failure as Error).message)).toContain(`the provider says ${status}`);
            const requestId = (failure as { requestID?: string | null }).requestID;
            expect(typeof requestId === 'string' && requestId.length > 0).toBe(true);
          });
        }

        if (isStreamed) {
          test('an error in mid stream is an error for the application', async () => {
            const failure = await ask(text, {
              text: 'one two three four',
              faults: 'error-event,after=3,code=529',
            }).then(
              () => undefined,
              (error: unknown) => error,
            );
            expect(String(failure)).toContain('overloaded');
          });

          test.each(['cut-clean,4', 'cut-close,4', 'cut-reset,4', 'garbage-json,4'])(
            'a stream spoilt by %s is an error, never a clean end',
            async (fault) => {
              const outcome = await ask(text, { text: 'one two three four', faults: fault }).then(
                () => 'answered',
                () => 'failed',
              );
              expect(outcome).toBe('failed');
            },
          );

          // Chat completions have no other events: passed on as they are, they break the official client.
          if (client !== upstream || client !== 'openai-chat') {
            test('unknown events and comments from the provider change nothing', async () => {
              const seen = await ask(text, { text: 'one two three', faults: 'garbage-event,4' });
              expect(seen.texts).toEqual(['one two three']);
            });
          }
        }
      });
    }
  }
}

describe('several choices', () => {
  const wish = { ...text['openai-chat'], n: 2 };

  test.each(FORMS)('from a provider that has them, %s', async (_form, isStreamed) => {
    rig.emulator.script([{ choices: [{ text: 'first' }, { text: 'second' }] }]);
    const seen = await clients['openai-chat'].ask({ model: 'openai-chat', ...wish }, { isStreamed });
    expect(seen.texts).toEqual(['first', 'second']);
  });

  test('from a provider that has none: one, and the loss is named', async () => {
    rig.emulator.script([{ text: 'only' }]);
    const seen = await clients['openai-chat'].ask({ model: 'anthropic-messages', ...wish }, { isStreamed: false });
    expect(seen.texts).toEqual(['only']);
    expect(seen.losses).toContain('dropped n');
  });
});

test("openai's own parse() of a schema, through the other dialect", async () => {
  const { default: OpenAI } = await import('openai');
  const client = new OpenAI({ baseURL: `${rig.url}/v1`, apiKey: rig.key, maxRetries: 0 });
  rig.emulator.script([{ text: '{"city":"Paris"}' }]);
  const params = { model: 'anthropic-messages', ...structured['openai-chat'] };
  const completion = await client.chat.completions.parse(
    params as unknown as Parameters<typeof client.chat.completions.parse>[0],
  );
  expect(completion.choices[0]?.message.parsed as unknown).toEqual({ city: 'Paris' });
});

/** The last request the provider received, in neutral words. */
function sentUpstream(dialect: DialectId): CanonRequest {
  return dialects[dialect].readRequest(JSON.parse(new TextDecoder().decode(lastRequest().body)) as JsonObject);
}

function lastRequest() {
  const request = rig.emulator.requests.at(-1);
  if (request === undefined) throw new Error('the provider received nothing');
  return request;
}

/** All string values at any depth. */
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : [];
}

function isWish(wish: Wish | JsonObject): wish is Wish {
  return 'openai-chat' in wish;
}
