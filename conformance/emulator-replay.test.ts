import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFile } from 'node:fs/promises';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { canonicalJson } from '@turnpike/emulator/replay/canonical-json.ts';
import { type RecordedCase, readCorpus } from '@turnpike/emulator/replay/corpus.ts';
import type { Split } from '@turnpike/emulator/replay/split.ts';
import { describeShared } from './corpus.ts';

const SPLITS: (Split | undefined)[] = [undefined, 'event', 7, { seed: 1 }];

describeShared('recordings come back over the wire as they were', 'corpus', (corpus) => {
  let cases: RecordedCase[];
  beforeAll(async () => {
    cases = await readCorpus(corpus, ({ api }) => api === 'openai.chat' || api === 'anthropic.messages');
  });

  test('there are recordings', () => {
    expect(cases.length).toBeGreaterThan(0);
  });

  test.each(SPLITS)('forced by name, split %p: status, bytes and recorded headers', async (split) => {
    const emulator = await startEmulator({ corpus, split });
    await inBatches(cases, async (recorded) => {
      const response = await send(emulator, recorded, { 'x-emulator-case': recorded.name });
      expect([recorded.name, response.status]).toEqual([recorded.name, recorded.status]);
      expect([recorded.name, await hashOf(await response.bytes())]).toEqual([
        recorded.name,
        await hashOfAnswer(recorded),
      ]);
      for (const [name, value] of recorded.responseHeaders) expect(response.headers.get(name)).toContain(value.trim());
    });
    await emulator.stop();
  });

  let matching: Emulator;
  beforeAll(async () => {
    matching = await startEmulator({ corpus });
  });
  afterAll(() => matching.stop());

  test('found by what is asked: the answer is one recorded for this very request', async () => {
    const asked = cases.filter((recorded) => recorded.requestRecorded && recorded.request !== undefined);
    expect(asked.length).toBeGreaterThan(0);
    const twins = Map.groupBy(cases, (recorded) => canonicalJson(recorded.request));
    await inBatches(asked, async (recorded) => {
      const hash = await hashOf(await (await send(matching, recorded)).bytes());
      const allowed = await Promise.all((twins.get(canonicalJson(recorded.request)) ?? []).map(hashOfAnswer));
      expect(allowed, recorded.name).toContain(hash);
    });
  });

  test('another model name finds an answer as well', async () => {
    const chats = cases.filter((recorded) => recorded.requestRecorded && isNamed(recorded));
    await inBatches(chats, async (recorded) => {
      const request = { ...(recorded.request as object), model: 'renamed-by-a-gateway' };
      const response = await send(matching, { ...recorded, request } as RecordedCase);
      expect([recorded.name, await response.text()]).not.toEqual([
        recorded.name,
        expect.stringContaining('no recording'),
      ]);
    });
  });
});

function isNamed(recorded: RecordedCase): boolean {
  return typeof recorded.request === 'object' && recorded.request !== null && 'model' in recorded.request;
}

/** Some recorded paths start with a placeholder for the host's base path. */
function send(emulator: Emulator, recorded: RecordedCase, headers: Record<string, string> = {}): Promise<Response> {
  const path = recorded.path.replace(/^<[^>]*>/, '/base');
  const body = recorded.request === undefined ? undefined : JSON.stringify(recorded.request);
  return fetch(emulator.url + path, { method: recorded.method, body, headers });
}

async function hashOfAnswer(recorded: RecordedCase): Promise<string> {
  return hashOf(new Uint8Array(await readFile(recorded.responseFile)));
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  return `${bytes.length} ${Bun.hash(bytes).toString(16)}`;
}

async function inBatches(
  cases: readonly RecordedCase[],
  check: (recorded: RecordedCase) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < cases.length; at += 16) await Promise.all(cases.slice(at, at + 16).map(check));
}
