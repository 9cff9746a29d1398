/** Ways in which gateways are known to lose spend, or to count it twice. Each is held against the provider's own bill. */
import { afterAll, beforeAll, beforeEach, describe, expect, spyOn, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { startGateway } from '@turnpike/gateway/compose.ts';
import type { Gateway } from '@turnpike/gateway/gateway.ts';
import type { LedgerEntry } from '@turnpike/gateway/ledger/entry.ts';
import { type Appender, FileDisk } from '@turnpike/gateway/runtime/journal-disk.ts';
import { openStore } from '@turnpike/gateway/store/open-store.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { FACE_PATHS } from '../face.ts';

const KEY = 'sk-named-ledger-0123456789';
const FACES: DialectId[] = ['openai-chat', 'anthropic-messages'];
const USAGE = { input: 40, output: 25 };
/** At 1 and 2 USD per million tokens. */
const COST = 40n * 1_000n + 25n * 2_000n;
const LONG = Array.from({ length: 60 }, (_, at) => `word${at} `);

let emulator: Emulator;
let gateway: Gateway;
let folder: string;
let isDiskFull = false;
/** The latest entry seen so far. */
let seen = new Set<string>();

const start = () =>
  startGateway({
    configFile: join(folder, 'turnpike.yaml'),
    port: 0,
    environment: { TURNPIKE_DATA_DIR: join(folder, 'data'), TURNPIKE_ADMIN_KEY: KEY },
  });

beforeAll(async () => {
  const appender = FileDisk.prototype.appender;
  spyOn(FileDisk.prototype, 'appender').mockImplementation(function (this: FileDisk, name: string): Appender {
    const inner = appender.call(this, name);
    const write: Appender['write'] = (bytes, offset, length) => {
      if (isDiskFull) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      return inner.write(bytes, offset, length);
    };
    return { ...inner, write };
  });
  emulator = await startEmulator();
  folder = mkdtempSync(join(tmpdir(), 'turnpike-named-ledger-'));
  const price = { input: 1, output: 2 };
  const deadlines = { firstByteMs: 250 };
  writeFileSync(
    join(folder, 'turnpike.yaml'),
    JSON.stringify({
      discovery: false,
      sandbox: false,
      providers: FACES.map((dialect) => ({ id: dialect, dialect, baseUrl: `${emulator.url}/v1`, apiKey: 'upstream' })),
      models: FACES.map((provider) => ({
        name: provider,
        retries: 1,
        endpoints: [
          { id: `${provider}-a`, order: 0, provider, model: 'm', price, deadlines },
          { id: `${provider}-b`, order: 1, provider, model: 'm', price, deadlines },
        ],
      })),
    }),
  );
  gateway = await start();
});
beforeEach(async () => {
  emulator.reset();
  await fresh();
});
afterAll(async () => {
  await gateway.stop();
  await emulator.stop();
  rmSync(folder, { recursive: true, force: true });
});

function post(face: DialectId, provider: DialectId, stream: boolean, signal?: AbortSignal): Promise<Response> {
  return fetch(gateway.url + FACE_PATHS[face], {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ model: provider, stream, max_tokens: 99, messages: [{ role: 'user', content: 'Hi' }] }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Entries that came since the last look, oldest first. */
async function fresh(): Promise<LedgerEntry[]> {
  await gateway.flush();
  const entries = await gateway.store.ledgerEntries({ limit: 1_000 });
  const news = entries.filter(({ id }) => !seen.has(id)).reverse();
  seen = new Set(entries.map(({ id }) => id));
  return news;
}

const spent = (scope: string) => gateway.store.spendBetween(scope, 0, Number.MAX_SAFE_INTEGER);

describe('counted exactly once', () => {
  // Some gateways count only chat completions, others log a translated call under both of its vocabularies.
  for (const face of FACES) {
    for (const provider of FACES) {
      for (const stream of [false, true]) {
        test(`${face} client, ${provider} provider, ${stream ? 'streamed' : 'whole'}`, async () => {
          emulator.script([{ text: LONG, usage: USAGE }]);
          const before = await spent(`provider:${provider}`);
          await (await post(face, provider, stream)).text();
          const entries = await fresh();
          expect(entries).toHaveLength(1);
          expect(entries[0]).toMatchObject({ costNanoUsd: COST, isEstimated: false, provider, scopes: ['key:admin'] });
          expect(await spent(`provider:${provider}`)).toBe(before + COST);
        });
      }
    }
  }

  test('failed attempts have entries of their own that cost nothing, and the sums are those of the entries', async () => {
    emulator.script([
      { text: LONG, usage: USAGE, faults: 'status,503' },
      { text: LONG, usage: USAGE },
    ]);
    const before = await spent('key:admin');
    const response = await post('openai-chat', 'openai-chat', false);
    await response.text();
    const entries = await fresh();
    expect(entries.map(({ attempt, costNanoUsd, fault }) => [attempt, costNanoUsd, fault])).toEqual([
      [1, 0n, expect.stringMatching(/^upstream_/)],
      [2, COST, undefined],
    ]);
    for (const { exchangeId } of entries) expect(exchangeId).toBe(response.headers.get('x-turnpike-exchange-id') ?? '');
    expect(await spent('key:admin')).toBe(before + COST);
    const all = await gateway.store.ledgerEntries({ limit: 1_000 });
    expect(await spent('all')).toBe(all.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0n), 0n));
  });
});

describe('not lost', () => {
  test('a client that leaves in mid stream pays for what it had, and for all of the input', async () => {
    emulator.script([{ text: LONG, usage: USAGE, paceMs: 10 }]);
    const abort = new AbortController();
    const response = await post('anthropic-messages', 'openai-chat', true, abort.signal);
    const reader = response.body?.getReader();
    for (let n = 0; n < 10; n++) await reader?.read();
    abort.abort();
    await emulator.idle();
    let entries: LedgerEntry[] = [];
    for (const giveUpAt = Date.now() + 2_000; entries.length === 0 && Date.now() < giveUpAt; ) entries = await fresh();
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ isEstimated: true, fault: 'client_gone' });
    expect(entries[0]?.usage.outputTokens ?? 0).toBeGreaterThan(4);
    expect(entries[0]?.costNanoUsd ?? 0n).toBeGreaterThan(0n);
    expect(emulator.bill[0]?.ended).toBe('client-closed');
  });

  test('an attempt given up for its slowness is charged its input, marked as an estimate', async () => {
    emulator.script([
      { text: LONG, usage: USAGE, firstByteDelayMs: 600 },
      { text: LONG, usage: USAGE },
    ]);
    await (await post('openai-chat', 'openai-chat', false)).text();
    const [slow, good] = await fresh();
    expect(slow).toMatchObject({ isEstimated: true, fault: 'upstream_first_byte_timeout', attempt: 1 });
    expect(slow?.costNanoUsd ?? 0n).toBeGreaterThan(0n);
    expect(good).toMatchObject({ isEstimated: false, costNanoUsd: COST, attempt: 2 });
  });

  test('the end mark of a stream comes after its account: nothing is pending when the client has it', async () => {
    emulator.script([{ text: LONG, usage: USAGE }]);
    const response = await post('openai-chat', 'openai-chat', true);
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) if (decoder.decode(chunk).includes('[DONE]')) break;
    expect(await fresh()).toHaveLength(1);
  });

  test('a stop right after an answer loses nothing: no buffer is dropped', async () => {
    emulator.script([{ text: LONG, usage: USAGE }], { repeat: true });
    const answers = Array.from({ length: 30 }, () => post('openai-chat', 'openai-chat', false));
    await Promise.all(answers.map(async (answer) => (await answer).text()));
    await gateway.stop();
    const store = await openStore({ dataDir: join(folder, 'data') });
    const entries = (await store.ledgerEntries({ limit: 1_000 })).filter(({ id }) => !seen.has(id));
    await store.close();
    expect(entries).toHaveLength(30);
    expect(entries.every(({ costNanoUsd }) => costNanoUsd === COST)).toBe(true);
    gateway = await start();
  });
});

describe('without room on the disk', () => {
  test('calls are refused before they cost anything, in the words of either dialect, and go on afterwards', async () => {
    emulator.script([{ text: LONG, usage: USAGE }], { repeat: true });
    isDiskFull = true;
    for (const face of FACES) {
      const response = await post(face, 'openai-chat', true);
      expect(response.status).toBe(503);
      expect(await response.text()).toContain('recorded');
    }
    isDiskFull = false;
    expect(emulator.requests).toHaveLength(0);
    expect((await post('openai-chat', 'openai-chat', false)).status).toBe(200);
    expect(await fresh()).toHaveLength(1);
  });

  test('what was under way is entered all the same', async () => {
    emulator.script([{ text: LONG, usage: USAGE, paceMs: 5 }]);
    const response = await post('openai-chat', 'openai-chat', true);
    isDiskFull = true;
    await response.text();
    const entries = await fresh();
    isDiskFull = false;
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ costNanoUsd: COST, isEstimated: false });
  });
});
