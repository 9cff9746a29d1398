import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

/** Who asks for what. */
interface Ask {
  readonly key: string;
  readonly model?: string;
  readonly user?: string;
  readonly tags?: string;
}

/** A kind of scope: requests that count together, and some that differ in what it tells apart. */
interface Kind {
  readonly name: string;
  readonly scope: (row: string) => object;
  readonly each?: readonly string[];
  readonly together: (row: string) => readonly [Ask, Ask];
  readonly apart: (row: string) => readonly Ask[];
}

/** Of every row two keys, a and b, that belong to all there is of the row, and a stranger that belongs to none of it. */
const own = (row: string): Ask => ({ key: `${row}-a` });
const kin = (row: string): Ask => ({ key: `${row}-b` });
const stranger = (row: string): Ask => ({ key: `${row}-x` });

const belonging = (type: string): Kind => ({
  name: type,
  scope: (row) => ({ [type]: row }),
  together: (row) => [own(row), kin(row)],
  apart: (row) => [stranger(row)],
});

const kinds: readonly Kind[] = [
  {
    name: 'key',
    scope: (row) => ({ key: `${row}-a` }),
    together: (row) => [own(row), own(row)],
    apart: (row) => [kin(row)],
  },
  belonging('user'),
  belonging('team'),
  belonging('organisation'),
  belonging('project'),
  {
    name: 'end user',
    scope: (row) => ({ endUser: row }),
    together: (row) => [
      { ...own(row), user: row },
      { ...stranger(row), user: row },
    ],
    apart: (row) => [{ ...own(row), user: 'somebody' }, own(row)],
  },
  {
    name: 'model',
    scope: (row) => ({ model: `${row}-m` }),
    together: (row) => [
      { ...own(row), model: `${row}-m` },
      { ...stranger(row), model: `${row}-m` },
    ],
    apart: (row) => [own(row)],
  },
  {
    name: 'tag',
    scope: (row) => ({ tag: row }),
    together: (row) => [
      { ...own(row), tags: `x, ${row}` },
      { ...stranger(row), tags: row },
    ],
    apart: (row) => [{ ...own(row), tags: 'x' }],
  },
  {
    name: 'each key and model of a team',
    scope: (row) => ({ team: row }),
    each: ['key', 'model'],
    together: (row) => [own(row), own(row)],
    apart: (row) => [kin(row), { ...own(row), model: `${row}-m` }],
  },
  {
    name: 'each end user under a team',
    scope: (row) => ({ team: row, endUser: '*' }),
    together: (row) => [
      { ...own(row), user: 'ann' },
      { ...kin(row), user: 'ann' },
    ],
    apart: (row) => [{ ...own(row), user: 'bob' }, own(row), { ...stranger(row), user: 'ann' }],
  },
  {
    name: 'a model of an organisation',
    scope: (row) => ({ organisation: row, model: `${row}-*` }),
    together: (row) => [
      { ...own(row), model: `${row}-m` },
      { ...kin(row), model: `${row}-n` },
    ],
    apart: (row) => [own(row), { ...stranger(row), model: `${row}-m` }],
  },
  {
    name: 'each user of an organisation, by model',
    scope: (row) => ({ organisation: row }),
    each: ['user', 'model'],
    together: (row) => [own(row), kin(row)],
    apart: (row) => [{ ...own(row), model: `${row}-m` }, stranger(row)],
  },
  {
    name: 'a tag of a project, each end user',
    scope: (row) => ({ project: row, tag: 'night' }),
    each: ['endUser'],
    together: (row) => [
      { ...own(row), tags: 'night', user: 'ann' },
      { ...kin(row), tags: 'night', user: 'ann' },
    ],
    apart: (row) => [
      { ...own(row), tags: 'night', user: 'bob' },
      { ...own(row), user: 'ann' },
    ],
  },
];

const windows = { second: 1, minute: 60, hour: 3_600, day: 86_400 } as const;
const AMOUNT = 1_000;
/** More of either than is left beside another request's estimate. */
const usage = { input: 990, output: 990 };
const measures = {
  requests: { amount: 1, left: 0 },
  tokens: { amount: AMOUNT, left: 0 },
  inputTokens: { amount: AMOUNT, left: AMOUNT - usage.input },
  outputTokens: { amount: AMOUNT, left: AMOUNT - usage.output },
} as const;

interface Row {
  readonly id: string;
  readonly kind: Kind;
  readonly measure: keyof typeof measures | 'concurrency';
  readonly per?: keyof typeof windows;
}

const rows: Row[] = kinds.flatMap((kind, at) => [
  ...(Object.keys(measures) as (keyof typeof measures)[]).flatMap((measure) =>
    (Object.keys(windows) as (keyof typeof windows)[]).map((per) => ({
      id: `r${at}${measure.toLowerCase()}${per}`,
      kind,
      measure,
      per,
    })),
  ),
  { id: `r${at}places`, kind, measure: 'concurrency' as const },
]);

/** What each end of an exchange takes is seen on limits of their own. */
const settledMeasures = ['tokens', 'inputTokens', 'outputTokens'] as const;
const SETTLED_AMOUNT = 4_000;

function configuration(): string {
  const price = { input: 1, output: 2 };
  const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
  const levels = (row: string) => ({ user: row, team: row, organisation: row, project: row });
  const keyOf = (name: string) => ({ name, key: `sk-${name}-0123456789` });
  return JSON.stringify({
    defaults: { retries: 0 },
    keys: rows
      .flatMap(({ id }) => [
        { ...keyOf(`${id}-a`), ...levels(id) },
        { ...keyOf(`${id}-b`), ...levels(id) },
        keyOf(`${id}-x`),
      ])
      .concat(
        ['chat', 'claude'].flatMap((model) =>
          settledMeasures.map((measure) => ({
            ...keyOf(`settled-${model}-${measure}`),
            limits: [{ [measure]: SETTLED_AMOUNT, per: 'day' }],
          })),
        ),
      ),
    limits: rows.map(({ id, kind, measure, per }) => ({
      [measure]: measure === 'concurrency' ? 1 : measures[measure].amount,
      ...(per !== undefined && { per }),
      scope: kind.scope(id),
      ...(kind.each !== undefined && { each: kind.each }),
    })),
    models: [
      { name: '*', endpoints: [chat] },
      { name: 'claude', endpoints: [{ ...chat, provider: 'anthropic', model: 'claude-test' }] },
    ],
  });
}

let house: TestHouse;
beforeAll(async () => {
  house = await startTestHouse({ yaml: configuration() });
});
afterAll(() => house.stop());
afterEach(() => house.emulator.reset());

function post({ key, model = 'chat', user, tags }: Ask, more: object = {}, path = '/v1/chat/completions') {
  const body = { model, max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }], ...(user && { user }), ...more };
  const headers = { authorization: `Bearer sk-${key}-0123456789`, ...(tags && { 'x-turnpike-tags': tags }) };
  return house.post(path, body, { headers });
}

/** Seconds of `59.98s`, `6m0s`, `2h0m3s`, `17ms`. */
function secondsOf(text: string | null): number {
  const parts = [...(text ?? '').matchAll(/([\d.]+)(ms|h|m|s)/g)];
  const units: Record<string, number> = { h: 3_600, m: 60, s: 1, ms: 0.001 };
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? Number.NaN), 0);
}

describe.each(kinds.map((kind) => [kind.name, kind] as const))('limits of %s', (_name, kind) => {
  for (const row of rows.filter((row) => row.kind === kind && row.per !== undefined)) {
    test(`${row.measure} per ${row.per}`, async () => {
      const { id, measure, per } = row;
      if (measure === 'concurrency' || per === undefined) throw new Error('Concurrency has no window.');
      house.emulator.script([{ text: 'a', usage }], { repeat: true });
      const [first, second] = kind.together(id);
      const beganMs = performance.now();
      const admitted = await post(first);
      expect(admitted.status).toBe(200);
      const name = measure === 'requests' ? 'requests' : 'tokens';
      expect(admitted.headers.get(`x-ratelimit-limit-${name}`)).toBe(String(measures[measure].amount));
      expect(admitted.headers.get(`x-ratelimit-remaining-${name}`)).toBe(String(measures[measure].left));
      const resetSec = secondsOf(admitted.headers.get(`x-ratelimit-reset-${name}`));
      expect(resetSec).toBeLessThanOrEqual(windows[per]);
      expect(resetSec).toBeGreaterThan(windows[per] - 0.001 - (performance.now() - beganMs) / 1_000);
      const refused = await post(second);
      // A slow machine may be past a window of a second by now.
      if (performance.now() - beganMs < windows[per] * 1_000) {
        expect(refused.status).toBe(429);
        expect(Number(refused.headers.get('retry-after-ms'))).toBeLessThanOrEqual(windows[per] * 1_000);
        expect(refused.headers.get('retry-after')).toBe(
          String(Math.ceil(Number(refused.headers.get('retry-after-ms')) / 1_000)),
        );
      }
      for (const other of kind.apart(id)) expect([other, (await post(other)).status]).toEqual([other, 200]);
    });
  }

  test('concurrency', async () => {
    const id = rows.find((row) => row.kind === kind && row.measure === 'concurrency')?.id ?? '';
    const [first, second] = kind.together(id);
    house.emulator.script([{ text: 'slow', firstByteDelayMs: 100 }]);
    const before = house.gateway.activeCount;
    const running = post(first);
    while (house.gateway.activeCount === before || house.emulator.requests.length === 0) await Bun.sleep(1);
    const statuses = await Promise.all([second, ...kind.apart(id)].map(async (ask) => (await post(ask)).status));
    expect(statuses).toEqual([429, ...kind.apart(id).map(() => 200)]);
    expect((await running).status).toBe(200);
    expect((await post(second)).status).toBe(200);
  });
});

describe('tokens are counted as they were taken', () => {
  const max = 400;
  const ends: readonly [name: string, play: () => void, expected: 'usage' | 'nothing' | 'part'][] = [
    ['whole', () => house.emulator.script([{ text: 'a b', usage: { input: 30, output: 40 } }]), 'usage'],
    ['streamed', () => house.emulator.script([{ text: 'a b', usage: { input: 30, output: 40 } }]), 'usage'],
    ['left by the client', () => house.emulator.script([{ text: 'word '.repeat(100), paceMs: 20 }]), 'part'],
    ['cut by the provider', () => cut(), 'part'],
    ['refused by the provider', () => house.emulator.fault('status,500'), 'nothing'],
  ];
  function cut(): void {
    house.emulator.script([{ text: 'one two three four five six' }]);
    house.emulator.fault('cut-reset,3');
  }
  const faces = [
    ['/v1/chat/completions', 'chat', 'x-ratelimit-remaining-tokens'],
    ['/v1/messages', 'claude', 'anthropic-ratelimit-%-tokens-remaining'],
  ] as const;
  for (const [path, model, header] of faces) {
    for (const measure of settledMeasures) {
      test.each(ends.map(([name, play, expected]) => ({ name, play, expected })))(
        `${measure} at ${path}, $name`,
        async ({ name, play, expected }) => {
          const ask = { key: `settled-${model}-${measure}`, model };
          const left = async () => {
            const probe = await post(
              ask,
              { max_tokens: SETTLED_AMOUNT + 1, messages: [{ role: 'user', content: 'word '.repeat(SETTLED_AMOUNT) }] },
              path,
            );
            expect(probe.status).toBe(429);
            return Number(
              probe.headers.get(
                header.replace('%-', { tokens: '', inputTokens: 'input-', outputTokens: 'output-' }[measure]),
              ),
            );
          };
          const before = await left();
          play();
          const leave = new AbortController();
          const isStream = name !== 'whole';
          const body = { max_tokens: max, stream: isStream };
          const answer = await house.post(
            path,
            { model, messages: [{ role: 'user', content: 'Hi' }], ...body },
            { headers: { authorization: `Bearer sk-${ask.key}-0123456789` }, signal: leave.signal },
          );
          if (name === 'left by the client') {
            const reader = answer.body?.getReader();
            let seen = '';
            while (!seen.includes('word')) seen += new TextDecoder().decode((await reader?.read())?.value);
            leave.abort();
            await reader?.closed.catch(() => undefined);
          } else await answer.text();
          const giveUpAtMs = performance.now() + 5_000;
          while (house.gateway.activeCount > 0 && performance.now() < giveUpAtMs) await Bun.sleep(2);
          const taken = before - (await left());
          if (expected === 'usage') expect(taken).toBe({ tokens: 70, inputTokens: 30, outputTokens: 40 }[measure]);
          else if (expected === 'nothing') expect(taken).toBe(0);
          else {
            expect(taken).toBeGreaterThan(0);
            expect(taken).toBeLessThan(max / 2);
          }
        },
      );
    }
  }
});
