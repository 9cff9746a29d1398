/**
 * Law 6: settlement happens exactly once, whatever becomes of the exchange. Seen from outside: one log row per
 * exchange, one attempt in it per request the provider received, tokens and money as the provider's bill has them.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import type { ExchangeRow } from '@turnpike/gateway/telemetry/exchange-row.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { post } from '../face.ts';
import { type Rig, startRig } from '../rig.ts';

/** Nano-USD per token; the configuration says the same in USD per million. */
const INPUT_NANO = 1_000n;
const OUTPUT_NANO = 2_000n;
const PRICE = { input: 1, output: 2 };
const USAGE = { input: 40, output: 25 };
const LONG = Array.from({ length: 60 }, (_, at) => `word${at} `);

const FACES: DialectId[] = ['openai-chat', 'anthropic-messages'];

let rig: Rig;

beforeAll(async () => {
  const endpoint = (dialect: string, fields: object = {}) => ({
    provider: `up-${dialect}`,
    model: 'm',
    price: PRICE,
    ...fields,
  });
  const deadlines = { firstByteMs: 200, betweenChunksMs: 200, totalMs: 3_000 };
  rig = await startRig({
    models: FACES.flatMap((dialect) => [
      { name: `priced-${dialect}`, retries: 0, endpoints: [endpoint(dialect, { deadlines })] },
      { name: `retried-${dialect}`, retries: 2, endpoints: [endpoint(dialect, { deadlines })] },
      {
        name: `backed-${dialect}`,
        retries: 0,
        endpoints: [endpoint(dialect, { deadlines })],
        fallbacks: [`priced-${dialect}`],
      },
    ]),
  });
});
beforeEach(() => rig.emulator.reset());
afterAll(() => rig.stop());

for (const face of FACES) {
  for (const upstream of FACES) {
    for (const stream of [false, true]) {
      describe(`${face} client, ${upstream} provider, ${stream ? 'streamed' : 'whole'}`, () => {
        const body = (model: string) =>
          JSON.stringify({
            model: `${model}-${upstream}`,
            stream,
            max_tokens: 100,
            messages: [{ role: 'user', content: 'Hi' }],
          });

        test('finished', async () => {
          rig.emulator.script([{ text: LONG, usage: USAGE }]);
          const row = await settle(await post(rig, face, body('priced')));
          expectBilled(row, 1);
        });

        test('the client leaves in mid answer', async () => {
          rig.emulator.script([{ text: LONG, usage: USAGE, paceMs: 15, firstByteDelayMs: stream ? 0 : 150 }]);
          const abort = new AbortController();
          const asked = post(rig, face, body('priced'), {}, abort.signal).then(async (response) => {
            await response.body?.getReader().read();
            return response;
          });
          setTimeout(() => abort.abort(), 100);
          await asked.catch(() => undefined);
          const row = await onlyRow();
          expect(row.attempts).toHaveLength(1);
          expect(rig.emulator.bill).toHaveLength(1);
          expect(rig.emulator.bill[0]?.ended).toBe('client-closed');
          if (stream) {
            expect(row.isEstimated).toBe(true);
            expect(row.costNanoUsd ?? 0n).toBeGreaterThan(0n);
          }
        });

        test('no first byte in time', async () => {
          rig.emulator.script([{ text: LONG, usage: USAGE, firstByteDelayMs: 600 }]);
          const response = await post(rig, face, body('priced'));
          const row = await settle(response);
          expect(response.status).toBe(504);
          expect(row).toMatchObject({ fault: 'upstream_first_byte_timeout', attempts: [{ number: 1 }] });
        });

        test('retried after a refusal', async () => {
          rig.emulator.script([
            { text: LONG, usage: USAGE },
            { text: LONG, usage: USAGE },
          ]);
          rig.emulator.fault('status,503');
          const response = await post(rig, face, body('retried'));
          const row = await settle(response);
          expect(response.status).toBe(200);
          expectBilled(row, 2);
          expect(row.attempts.map((attempt) => attempt.status)).toEqual([503, 200]);
          expect(row.attempts[0]?.costNanoUsd ?? 0n).toBe(0n);
        });

        test('served by the fallback', async () => {
          rig.emulator.script([
            { text: LONG, usage: USAGE },
            { text: LONG, usage: USAGE },
          ]);
          rig.emulator.fault('status,500');
          const response = await post(rig, face, body('backed'));
          const row = await settle(response);
          expect(response.status).toBe(200);
          expectBilled(row, 2);
        });

        test('nothing is left under way', async () => {
          rig.emulator.script([{ text: LONG }]);
          await settle(await post(rig, face, body('priced')));
          expect(rig.gateway.activeCount).toBe(0);
        });

        if (stream) {
          test.each(['cut-clean,6', 'cut-close,6', 'cut-reset,6', 'error-event,6', 'stall,6', 'garbage-json,6'])(
            'the provider fails in mid stream: %s',
            async (faults) => {
              // Paced, so that what came before the failure has passed through when it strikes.
              rig.emulator.script([{ text: LONG, usage: USAGE, paceMs: 10, faults }]);
              const row = await settle(await post(rig, face, body('retried')));
              // Bytes reached the client, so there is no other try; what came is accounted for.
              expect(row.attempts).toHaveLength(1);
              expect(row.fault).toBeDefined();
              expect(row.usage?.outputTokens ?? 0).toBeGreaterThan(0);
              expect(row.costNanoUsd ?? 0n).toBeGreaterThan(0n);
            },
          );
        }
      });
    }
  }
}

/** Reads the answer to its end, then the one row that was written for it. */
async function settle(response: Response): Promise<ExchangeRow> {
  await response.text().catch(() => undefined);
  const row = await onlyRow();
  expect(row.id).toBe(response.headers.get('x-turnpike-exchange-id') ?? 'none');
  return row;
}

let before = new Set<string>();

/** The row of the exchange just made: there must be one, and only one. */
async function onlyRow(): Promise<ExchangeRow> {
  await rig.emulator.idle();
  const until = Date.now() + 2_000;
  for (;;) {
    await rig.gateway.flush();
    const rows = await rig.gateway.store.recentExchanges({ limit: 1000 });
    const fresh = rows.filter((row) => !before.has(row.id));
    if (fresh.length > 0 || Date.now() > until) {
      before = new Set(rows.map((row) => row.id));
      expect(fresh).toHaveLength(1);
      const [row] = fresh;
      if (row === undefined) throw new Error('no row was written');
      return row;
    }
    await Bun.sleep(20);
  }
}

/** Row and bill agree: as many attempts as requests, and tokens and cost of the one that answered. */
function expectBilled(row: ExchangeRow, attempts: number): void {
  expect(row.attempts).toHaveLength(attempts);
  expect(rig.emulator.bill).toHaveLength(attempts);
  const served = rig.emulator.bill.filter((entry) => entry.status === 200);
  expect(served).toHaveLength(1);
  expect(row.usage).toMatchObject({ inputTokens: USAGE.input, outputTokens: USAGE.output });
  expect(row.isEstimated).toBe(false);
  expect(row.costNanoUsd).toBe(BigInt(USAGE.input) * INPUT_NANO + BigInt(USAGE.output) * OUTPUT_NANO);
}
