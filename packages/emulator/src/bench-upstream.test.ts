import { describe, expect, test } from 'bun:test';
import { startBenchUpstream } from './bench-upstream.ts';
import { readSent } from './read-sent.ts';

const DIALECTS = [
  { dialect: 'openai-chat', path: '/v1/chat/completions' },
  { dialect: 'anthropic-messages', path: '/v1/messages' },
] as const;

describe.each(DIALECTS)('$dialect', ({ dialect, path }) => {
  test('JSON of the size asked for', async () => {
    const upstream = startBenchUpstream({ jsonBytes: 5000 });
    const bytes = await (await fetch(upstream.url + path, { method: 'POST', body: '{}' })).bytes();
    expect(bytes).toHaveLength(5000);
    expect(readSent(dialect, false, bytes)).toMatchObject({ complete: true, usage: { inputTokens: 100 } });
    await upstream.stop();
  });

  test.each([0, 5])('a stream of 30 events of 400 bytes, %d ms apart', async (paceMs) => {
    const upstream = startBenchUpstream({ chunks: 30, chunkBytes: 400, paceMs });
    const startedMs = performance.now();
    const bytes = await (await fetch(upstream.url + path, { method: 'POST', body: '{"stream": true}' })).bytes();
    expect(performance.now() - startedMs).toBeGreaterThan(30 * paceMs * 0.8);
    const events = new TextDecoder().decode(bytes).split(/(?<=\n\n)/);
    expect(events.filter((event) => event.length === 400)).toHaveLength(30);
    expect(readSent(dialect, true, bytes)).toMatchObject({ complete: true, usage: { outputTokens: 30 } });
    await upstream.stop();
  });
});

test('a paced stream whose client leaves does not go on', async () => {
  const upstream = startBenchUpstream({ chunks: 1000, paceMs: 5 });
  const client = new AbortController();
  const init = { method: 'POST', body: '{"stream":true}', signal: client.signal };
  const response = await fetch(`${upstream.url}/v1/chat/completions`, init);
  await response.body?.getReader().read();
  expect(upstream.pending).toBe(1);
  client.abort();
  await Bun.sleep(50);
  expect(upstream.pending).toBe(0);
  await upstream.stop();
});
