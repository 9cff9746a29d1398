/**
 * Whose credential pays, and how credentials are changed: ways in which other gateways let one customer pay for another,
 * lose calls over a new key, or show secrets.
 */
import { afterAll, describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EVERYWHERE_MS, type House, onEachStore, price, TOKEN } from './house.ts';

const SHARED = 'shared.of.the.house.0001';
const OUTPUT = 10;

/** A provider that notes who paid for whom, and refuses credentials it does not take. */
class Vendor {
  readonly calls: { user: string; secret: string }[] = [];
  /** Undefined: takes any. */
  taken: ReadonlySet<string> | undefined;
  readonly #server = Bun.serve({ port: 0, fetch: (request) => this.#answer(request) });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/v1`;
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const secret = request.headers.get('authorization')?.replace('Bearer ', '') ?? '';
    const { user = '' } = (await request.json()) as { user?: string };
    this.calls.push({ user, secret });
    if (this.taken?.has(secret) === false) {
      return Response.json({ error: { message: `Incorrect API key provided: ${secret}` } }, { status: 401 });
    }
    const message = { role: 'assistant', content: 'Hello.' };
    const usage = { prompt_tokens: 7, completion_tokens: OUTPUT, total_tokens: 7 + OUTPUT };
    const choices = [{ index: 0, message, finish_reason: 'stop' }];
    return Response.json({ id: 'c-1', object: 'chat.completion', created: 1, model: 'm', choices, usage });
  }
}

const vendor = new Vendor();
afterAll(() => vendor.stop());
const upstream = (dialect: string) => ({ id: `up-${dialect}`, dialect, baseUrl: '{{upstream}}/v1', apiKey: 'k' });
const config = {
  providers: [
    upstream('openai-chat'),
    upstream('anthropic-messages'),
    { id: 'vendor', baseUrl: vendor.url, apiKey: SHARED },
  ],
};
const model = (name: string, more: object = {}) => ({
  name,
  retries: 0,
  endpoints: [{ provider: 'vendor', model: 'm', price, ...more }],
});

/** Resolves when both gateways have the key, and so all that was made before it. */
async function known(house: House, key: string): Promise<void> {
  for (const at of [0, 1]) await house.becomes(200, key, { model: 'vendor', at });
}

/** A team with a credential of its own, and a key of it. */
async function team(house: House, policy?: object): Promise<{ name: string; key: string; secret: string }> {
  const name = house.fresh('team');
  const secret = `own.of.${name}.0001`;
  await house.admin('POST', '/teams', { name, ...(policy && { policy }) });
  await house.admin('POST', '/credentials', { name, provider: 'vendor', secret, teamId: name });
  const { key } = await house.newKey({ teamId: name });
  await known(house, key);
  return { name, key, secret };
}

const textOf = (value: unknown) => JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each));

onEachStore(
  { gateways: 2, config, models: [model('vendor'), model('kept', { credential: 'kept' })] },
  (house, database) => {
    describe('whose credential pays', () => {
      test('of many callers at once: each by its own, none by another', async () => {
        const teams = await Promise.all(Array.from({ length: 6 }, () => team(house())));
        const plain = await house().newKey({ policy: { allowRequestCredentials: true } });
        await known(house(), plain.key);
        vendor.calls.length = 0;
        const payers = new Map<string, string>();
        const calls = Array.from({ length: 180 }, async (_, at) => {
          const user = `call-${at}`;
          const owner = teams[at % 9];
          const brought = `brought.with.${user}.1`;
          const isBringing = owner === undefined && at % 2 === 0;
          payers.set(user, owner?.secret ?? (isBringing ? brought : SHARED));
          const headers: Record<string, string> = isBringing ? { 'x-turnpike-provider-key': `vendor=${brought}` } : {};
          const options = { model: 'vendor', at: at % 2, fields: { user }, headers };
          return (await house().ask(owner?.key ?? plain.key, options)).status;
        });
        expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
        expect(new Map(vendor.calls.map(({ user, secret }) => [user, secret]))).toEqual(payers);
      });

      test('is in the ledger: marked, not spent by the gateway, with its price beside; never free, never twice', async () => {
        const { name, key } = await team(house());
        const entries = async () => {
          const listed = await house().admin('GET', `/ledger/entries?scope=team:${name}`);
          return listed.data as readonly Record<string, unknown>[];
        };
        const before = (await entries()).length;
        await house().ask(key, { model: 'vendor' });
        await house().gateway.flush();
        const [last, ...others] = await entries();
        expect(others).toHaveLength(before);
        expect(last).toMatchObject({ paidBy: `team:${name}`, costUsd: '0', ownCostUsd: '0.01' });
        expect(BigInt(OUTPUT) * TOKEN).toBe(10_000_000n);
        expect(await house().spent(`team:${name}`)).toBe(0n);
      });

      test.each([
        ['nothing', undefined, 401, 0],
        ['prefer', { byok: 'prefer' }, 401, 0],
        ['only', { byok: 'only' }, 401, 0],
        ['fallback', { byok: 'fallback' }, 200, 1],
      ])(
        'a refused one is not made good with money of the gateway, unless that is said: %s',
        async (_, policy, status, spent) => {
          const { name, key } = await team(house(), policy);
          vendor.taken = new Set([SHARED]);
          vendor.calls.length = 0;
          expect((await house().ask(key, { model: 'vendor' })).status).toBe(status);
          vendor.taken = undefined;
          expect(vendor.calls.filter(({ secret }) => secret === SHARED)).toHaveLength(spent);
          expect(await house().spent(`team:${name}`)).toBe(BigInt(spent * OUTPUT) * TOKEN);
        },
      );

      test('secrets are in no answer, log, table or file, though the provider repeats them', async () => {
        const { name, key, secret } = await team(house(), { allowRequestCredentials: true });
        vendor.taken = new Set();
        const brought = 'brought.to.be.refused.1';
        const inBody = { providerOptions: { gateway: { byok: { vendor: [{ apiKey: brought }] } } } };
        const answers = [
          await house().ask(key, { model: 'vendor' }),
          await house().ask(key, { model: 'vendor', headers: { 'x-turnpike-provider-key': `vendor=${brought}` } }),
          await house().ask(key, { model: 'vendor', fields: inBody }),
          await house().ask(key, { model: 'vendor', headers: { 'x-turnpike-provider-key': `${brought}=vendor` } }),
        ];
        vendor.taken = undefined;
        expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 400]);
        const shown = [
          await house().admin('GET', `/credentials/${name}`),
          await house().admin('GET', '/audit?limit=500'),
          await house().admin('GET', '/logs?limit=500'),
          await house().admin('GET', '/ledger/entries?limit=500'),
          await house().gateway.store.records.entities(),
        ];
        const files = readdirSync(house().dataDir)
          .map((file) => join(house().dataDir, file))
          .filter((path) => existsSync(path) && /turnpike\.db|journal|ledger/.test(path))
          .flatMap((path) => {
            try {
              return [readFileSync(path, 'latin1')];
            } catch {
              return [];
            }
          });
        if (database === 'SQLite') expect(files.join('')).toContain('sealed');
        const text = [...answers.map((answer) => answer.text), textOf(shown), house().lines.join(''), ...files].join(
          '\n',
        );
        expect(text).toContain('sealed');
        for (const each of [secret, brought]) expect(text).not.toContain(each);
      });
    });

    describe('while calls go on', () => {
      /** Calls on whichever gateway serves, until what is done is done. @returns the statuses there were. */
      async function underTraffic(
        key: string,
        act: (serve: (at: number) => void) => Promise<void>,
      ): Promise<Set<number>> {
        let isOver = false;
        let at = 0;
        const statuses = new Set<number>();
        const traffic = Array.from({ length: 4 }, async () => {
          while (!isOver) {
            statuses.add((await house().ask(key, { model: 'kept', at })).status);
            await Bun.sleep(2);
          }
        });
        await act((next) => {
          at = next;
        });
        isOver = true;
        await Promise.all(traffic);
        return statuses;
      }

      test('a credential is rotated, and the provider takes the new one later: no call fails', async () => {
        const [old, fresh] = ['kept.of.the.house.0001', 'kept.of.the.house.0002'];
        await house().admin('POST', '/credentials', { name: 'kept', provider: 'vendor', secret: old });
        const { key } = await house().newKey();
        await house().becomes(200, key, { model: 'kept', at: 0 });
        await house().becomes(200, key, { model: 'kept', at: 1 });
        vendor.taken = new Set([old]);
        const statuses = await underTraffic(key, async (serve) => {
          await Bun.sleep(50);
          await house().admin('POST', '/credentials/kept/rotate', { secret: fresh, graceMs: 60_000 });
          await Bun.sleep(100);
          serve(1);
          await Bun.sleep(EVERYWHERE_MS);
          // Both for a while, as providers do: a call may have been on its way between the two.
          vendor.taken = new Set([old, fresh]);
          await Bun.sleep(300);
          vendor.taken = new Set([fresh]);
          await Bun.sleep(100);
        });
        vendor.taken = undefined;
        expect(statuses).toEqual(new Set([200]));
        expect(vendor.calls.at(-1)?.secret).toBe(fresh);
      });

      test('the server secret is changed, one gateway after the other: no call fails', async () => {
        const { key } = await house().newKey();
        await house().becomes(200, key, { model: 'kept', at: 0 });
        await house().becomes(200, key, { model: 'kept', at: 1 });
        const file = join(house().dataDir, 'secret.key');
        const statuses = await underTraffic(key, async (serve) => {
          const restartBoth = async () => {
            for (const at of [0, 1]) {
              serve(1 - at);
              await Bun.sleep(100);
              await house().restart(at);
            }
          };
          renameSync(file, `${file}.previous`);
          await restartBoth();
          const rotated = await house().admin('POST', '/secret/rotate');
          expect(rotated).toMatchObject({ isRotated: true, unreadable: [] });
          rmSync(`${file}.previous`);
          await restartBoth();
        });
        expect(statuses).toEqual(new Set([200]));
        const verified = await house().admin('GET', '/audit/verify');
        expect(verified).toMatchObject({ isIntact: true });
      }, 60_000);
    });
  },
);
