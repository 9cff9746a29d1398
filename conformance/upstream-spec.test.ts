/**
 * What Turnpike sends upstream, checked against the provider's own specification by an OpenAPI mock server
 * (`@stdy/cli`), for every recorded request, as it is (raw lane) and translated.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { bodyObject } from '@turnpike/emulator/received.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { describeCorpus, describeShared, type Recording } from './corpus.ts';
import { post } from './face.ts';
import { type Rig, startRig } from './rig.ts';
import { Tally } from './tally.ts';

const SPECS: Record<DialectId, { file: string; path: string }> = {
  'openai-chat': { file: 'openai.openapi.json', path: '/chat/completions' },
  'anthropic-messages': { file: 'anthropic.openapi.yaml', path: '/v1/messages?beta=true' },
};

const AT_ONCE = 8;
const STARTS_WITHIN_MS = 10_000;
const STARTS_MAX = 3;

describeShared('upstream requests meet the specification', 'specs', (specs) => {
  describeCorpus('of recorded requests', (corpus) => {
    let rig: Rig;
    let oracles: Record<DialectId, Oracle>;

    beforeAll(async () => {
      rig = await startRig({ emulator: { requestsMax: 100 } });
      rig.emulator.script([{ text: 'ok' }], { repeat: true });
      oracles = {
        'openai-chat': await startOracle(specs, 'openai-chat'),
        'anthropic-messages': await startOracle(specs, 'anthropic-messages'),
      };
    }, 60_000);

    afterAll(async () => {
      for (const oracle of Object.values(oracles ?? {})) oracle.stop();
      await rig?.stop();
    });

    for (const from of Object.keys(SPECS) as DialectId[]) {
      for (const to of Object.keys(SPECS) as DialectId[]) {
        const tally = new Tally(`upstream spec ${from === to ? `raw ${from}` : `${from} → ${to}`}`);
        test(`${from} → ${to}`, async () => {
          const queue = corpus.filter((recording) => recording.dialect === from);
          const worker = async () => {
            for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
              await check(next, from, to, tally);
            }
          };
          await Promise.all(Array.from({ length: AT_ONCE }, worker));
          tally.expectAllPassed();
        }, 120_000);
      }
    }

    test('the mock servers do refuse what is wrong', async () => {
      const wrong = JSON.stringify({ model: 'm', max_tokens: 'many', messages: [{ role: 'user', content: 7 }] });
      for (const oracle of Object.values(oracles)) expect(await oracle.errorsOf(wrong)).not.toEqual([]);
    });

    async function check(recording: Recording, from: DialectId, to: DialectId, tally: Tally): Promise<void> {
      const body = recording.request;
      if (body === undefined) return tally.leaveOut(recording.id, 'no request recorded');
      const own = await oracles[from].errorsOf(stringifyJson({ ...body, model: 'm' }));
      // Servers that speak a dialect of their own take what the specification does not know, and errors were recorded.
      if (own.length > 0 && from !== to)
        return tally.leaveOut(recording.id, 'the recorded request itself is not valid');
      await tally.runAsync(recording.id, async () => {
        const sent = await sendThrough(rig, from, to, body);
        const found = await oracles[to].errorsOf(sent);
        const news = from === to ? found.filter((error) => !own.includes(error)) : found;
        if (news.length > 0) throw new Error(`${news.join('\n    ')}\n    sent: ${sent.slice(0, 600)}`);
      });
    }
  });
});

/** What the provider received, byte for byte. The model's name tells requests under way at once apart. */
async function sendThrough(rig: Rig, from: DialectId, to: DialectId, body: JsonObject): Promise<string> {
  const tag = crypto.randomUUID();
  const response = await post(rig, from, stringifyJson({ ...body, model: `${to}.${tag}` }));
  const answer = await response.text();
  const received = rig.emulator.requests.findLast((request) => bodyObject(request).model === tag);
  if (response.status !== 200 || received === undefined) throw new Error(`${response.status} ${answer}`);
  return new TextDecoder().decode(received.body);
}

/** A mock server of a specification: it says of each request whether it is valid, and why not. */
interface Oracle {
  /** `path: message` of each error; none for a valid request. */
  errorsOf(body: string): Promise<string[]>;
  stop(): void;
}

/** Starts one, on another port when the first is taken after all. */
async function startOracle(specs: string, dialect: DialectId): Promise<Oracle> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryOracle(join(specs, SPECS[dialect].file), SPECS[dialect].path);
    } catch (error) {
      if (attempt === STARTS_MAX) throw error;
    }
  }
}

async function tryOracle(file: string, path: string): Promise<Oracle> {
  // Below the range from which the kernel serves outgoing connections: those of this very run would compete for it.
  const port = 20_000 + Math.floor(Math.random() * 12_000);
  const program = Bun.resolveSync('@stdy/cli/steady.js', import.meta.dir);
  const args = ['--host', '127.0.0.1', '-p', String(port), '-q', file];
  const child = Bun.spawn([process.execPath, program, ...args], { stdout: 'ignore', stderr: 'ignore' });
  for (const until = Date.now() + STARTS_WITHIN_MS; ; await Bun.sleep(50)) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (child.exitCode !== null) throw new Error(`the mock server of ${file} stopped at once`);
    if (answer !== undefined) break;
    if (Date.now() > until) {
      child.kill();
      throw new Error(`the mock server of ${file} did not start`);
    }
  }
  const headers = {
    'content-type': 'application/json',
    'anthropic-version': '2023-06-01',
    'x-api-key': 'k',
    authorization: 'Bearer k',
  };
  return {
    async errorsOf(body) {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body });
      await response.arrayBuffer();
      const count = Number(response.headers.get('x-steady-error-count') ?? 0);
      return Array.from({ length: count }, (_, at) => {
        const said = (what: string) => response.headers.get(`x-steady-error-${at + 1}-${what}`);
        return `${said('path')}: ${said('message')}`;
      });
    },
    stop: () => child.kill(),
  };
}
