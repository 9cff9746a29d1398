import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { ADMIN_KEY, startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await startTestHouse({
    server: { keepAliveMs: 100 },
    deadlines: { firstByteMs: 5_000, betweenChunksMs: 10_000, totalMs: 60_000 },
  });
});
afterAll(() => house.stop());
afterEach(() => house.emulator.reset());

const ask = (model: string) => ({ model, stream: true, max_tokens: 100, messages: [{ role: 'user', content: 'Go.' }] });
const paths = [
  ['/v1/chat/completions', 'chat'],
  ['/v1/chat/completions', 'claude'],
  ['/v1/messages', 'claude'],
  ['/v1/messages', 'chat'],
] as const;

describe('a silent stream', () => {
  test.each(paths)('is kept alive with comments, between events only: %s with %s', async (path, model) => {
    house.emulator.script([{ text: ['one ', 'two ', 'three'], paceMs: 350 }]);
    const text = await (await house.post(path, ask(model))).text();
    expect(text.match(/^: keep-alive$/gm)?.length ?? 0).toBeGreaterThanOrEqual(3);
    // Taken out again, what is left are whole events.
    for (const event of text.replaceAll(': keep-alive\n\n', '').trim().split('\n\n')) {
      const data = event.split('\n').find((line) => line.startsWith('data: ')) ?? '';
      if (data !== 'data: [DONE]') expect(() => JSON.parse(data.slice(6))).not.toThrow();
    }
  });
});

describe('a client that reads slowly', () => {
  const CHUNKS = 4_000;
  const filler = 'x'.repeat(16_384);
  let served = 0;
  let slow: TestHouse;
  /** A provider that makes each event only when there is room for it, and so shows how much was asked of it. */
  const provider = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request) {
      served = 0;
      const events = request.url.endsWith('/messages') ? anthropicEvents : openaiEvents;
      const body = new ReadableStream({
        pull(controller) {
          controller.enqueue(events(served++, filler));
          if (served === CHUNKS + 2) controller.close();
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    },
  });

  beforeAll(async () => {
    const endpoint = { baseUrl: `http://127.0.0.1:${provider.port}/v1`, apiKey: 'sk-up-0123456789', model: 'm' };
    slow = await startTestHouse({
      yaml: JSON.stringify({
        // Shorter than the client's pause: waiting for the client must not count as the provider's silence.
        defaults: { deadlines: { betweenChunksMs: 500 } },
        models: [
          { name: 'chat', endpoints: [{ ...endpoint, provider: 'openai' }] },
          { name: 'claude', endpoints: [{ ...endpoint, provider: 'anthropic' }] },
        ],
      }),
    });
  });
  afterAll(async () => {
    await slow.stop();
    await provider.stop(true);
  });

  test.each(paths)(
    'slows the provider down instead of filling memory: %s with %s',
    async (path, model) => {
      const { send, received, drain } = await reader(slow.gateway.port, path, JSON.stringify(ask(model)));
      send();
      // Long enough for all 64 MB to pass if nothing held them back.
      await Bun.sleep(1_000);
      const servedBefore = served;
      await Bun.sleep(300);
      expect(served).toBe(servedBefore);
      // What fits into the buffers of four sockets; the rest was not even made.
      expect(served * filler.length).toBeLessThan(40 * 1024 * 1024);
      await drain();
      expect(received().match(/x{16384}/g)).toHaveLength(CHUNKS);
    },
    30_000,
  );
});

function openaiEvents(index: number, filler: string): string {
  if (index === 4_001) return 'data: [DONE]\n\n';
  const choice = index === 4_000 ? { delta: {}, finish_reason: 'stop' } : { delta: { content: filler } };
  return `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, finish_reason: null, ...choice }] })}\n\n`;
}

function anthropicEvents(index: number, filler: string): string {
  const event = (value: { type: string }) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
  const delta = event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: filler } } as never);
  if (index === 0) {
    const message = {
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [],
      usage: { input_tokens: 1, output_tokens: 1 },
    };
    const block = { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } };
    return event({ type: 'message_start', message } as never) + event(block) + delta;
  }
  if (index < 4_000) return delta;
  if (index === 4_001) return event({ type: 'message_stop' });
  const end = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } };
  return event({ type: 'content_block_stop', index: 0 } as never) + event(end);
}

/** A raw client that sends a request and reads nothing until told to. */
async function reader(port: number, path: string, body: string) {
  let text = '';
  const socket = connect(port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.pause();
  const head = `POST ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${ADMIN_KEY}\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
  return {
    send: () => socket.write(head + body),
    received: () => text.replace(/\r\n[0-9a-f]+\r\n/g, ''),
    drain: () =>
      new Promise<void>((resolve) => {
        socket.on('data', (data) => {
          text += data.toString('latin1');
        });
        socket.on('close', () => resolve());
        socket.resume();
      }),
  };
}
