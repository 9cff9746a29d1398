import { describe, expect, test } from 'bun:test';
import type { Endpoint, ModelRoute } from '../config/snapshot.ts';
import { plan } from './plan.ts';

function endpoint(id: string, fields: Partial<Endpoint> = {}): Endpoint {
  return {
    id,
    provider: {
      id: 'p',
      name: 'P',
      dialect: 'openai-chat',
      baseUrl: '',
      envKeys: [],
      auth: { type: 'none' },
      quirks: {},
    },
    model: 'm',
    baseUrl: 'http://127.0.0.1',
    credential: undefined,
    headers: {},
    weight: 1,
    order: 1,
    deadlines: { connectMs: 1, firstByteMs: 1, betweenChunksMs: 1, totalMs: 1 },
    price: undefined,
    limits: [],
    ...fields,
  };
}

function route(name: string, endpoints: Endpoint[], retries = 0): ModelRoute {
  return { name, endpoints, fallbacks: [], retries, reason: 'configured' };
}

/** A generator of known numbers: the same seed gives the same plan. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

const ids = (made: ReturnType<typeof plan>) => made.steps.map((step) => step.endpoint.id);
const fit = () => undefined;

describe('plan', () => {
  test('lower orders come first, whatever their weight', () => {
    const routes = [route('m', [endpoint('late', { order: 2, weight: 100 }), endpoint('early', { weight: 0.1 })])];
    for (let seed = 1; seed < 50; seed++) {
      expect(ids(plan({ routes, unfit: fit, random: seeded(seed) }))).toEqual(['early', 'late']);
    }
  });

  test('among equals, each comes first as often as its weight says', () => {
    const routes = [route('m', [endpoint('one', { weight: 1 }), endpoint('three', { weight: 3 })])];
    const random = seeded(7);
    let threes = 0;
    for (let round = 0; round < 4_000; round++) {
      if (ids(plan({ routes, unfit: fit, random }))[0] === 'three') threes++;
    }
    expect(threes / 4_000).toBeCloseTo(0.75, 1);
  });

  test('every endpoint has its turn before any is repeated; fallbacks come last', () => {
    const routes = [route('m', [endpoint('a'), endpoint('b', { order: 2 })], 3), route('other', [endpoint('c')], 1)];
    expect(ids(plan({ routes, unfit: fit, random: () => 0.5 }))).toEqual(['a', 'b', 'a', 'b', 'c', 'c']);
  });

  test('every endpoint is tried once even when fewer retries are asked for', () => {
    const routes = [route('m', [endpoint('a'), endpoint('b', { order: 2 })], 0)];
    expect(ids(plan({ routes, unfit: fit, random: () => 0.5 }))).toEqual(['a', 'b']);
  });

  test('what is unfit is left out, with its reason', () => {
    const routes = [route('m', [endpoint('a'), endpoint('b')])];
    const made = plan({ routes, unfit: ({ id }) => (id === 'a' ? 'it cannot' : undefined), random: () => 0.5 });
    expect(ids(made)).toEqual(['b']);
    expect(made.reasons).toContain('a: left out, it cannot');
    expect(made.reasons.some((reason) => reason.startsWith('b: rank 1'))).toBe(true);
  });
});
