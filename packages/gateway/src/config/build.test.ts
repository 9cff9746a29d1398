import { describe, expect, test } from 'bun:test';
import { buildSnapshot, wantsSandbox } from './build.ts';
import { type Configuration, type ConfiguredModel, emptyConfiguration } from './configuration.ts';
import { plainEndpoint } from './endpoint-factory.ts';

const environment = { OPENAI_API_KEY: 'sk-openai', ANTHROPIC_API_KEY: 'sk-anthropic' };

function modelOf(name: string, ...endpoints: (readonly [string, string])[]): ConfiguredModel {
  return {
    name,
    endpoints: endpoints.map(([providerId, model]) => plainEndpoint(providerId, model)),
    fallbacks: undefined,
    retries: undefined,
    isOpenEnded: false,
  };
}

function snapshotOf(changes: Partial<Configuration>, variables: Record<string, string> = environment) {
  return buildSnapshot({ ...emptyConfiguration, ...changes }, variables, { version: 7 });
}

function idsOf(snapshot: ReturnType<typeof snapshotOf>, name: string): string[] | undefined {
  return snapshot.resolveModel(name)?.endpoints.map((endpoint) => endpoint.id);
}

describe('without any configuration', () => {
  const snapshot = snapshotOf({});

  test('serves providers whose variables are set, by prefix and by bare name', () => {
    expect(idsOf(snapshot, 'openai/gpt-4o')).toEqual(['openai/gpt-4o']);
    expect(idsOf(snapshot, 'openai/a-model-from-tomorrow')).toEqual(['openai/a-model-from-tomorrow']);
    expect(idsOf(snapshot, 'claude-sonnet-4-5')).toEqual(['anthropic/claude-sonnet-4-5']);
    const route = snapshot.resolveModel('gpt-4o');
    expect(route).toMatchObject({ name: 'gpt-4o', fallbacks: [], retries: 2, reason: 'OPENAI_API_KEY is set' });
    expect(route?.endpoints[0]).toMatchObject({
      baseUrl: 'https://api.openai.com/v1',
      credential: 'sk-openai',
      weight: 1,
      order: 0,
    });
    expect(snapshot.version).toBe(7);
  });

  test('serves nothing else', () => {
    for (const name of [
      'groq/llama3',
      'a-model-from-tomorrow',
      '',
      '/',
      'openai/',
      '/gpt-4o',
      '__proto__',
      'constructor',
    ]) {
      expect(snapshot.resolveModel(name)).toBeUndefined();
    }
  });

  test('lists what the catalogue knows, and why', () => {
    const listed = new Map(snapshot.models.map((model) => [model.id, model]));
    expect(listed.get('openai/gpt-4o')).toEqual({
      id: 'openai/gpt-4o',
      ownedBy: 'openai',
      reason: 'OPENAI_API_KEY is set',
      createdSec: 0,
    });
    expect([...listed.keys()].some((id) => id.startsWith('groq/'))).toBe(false);
  });

  test('knows near names, with and without their prefix', () => {
    expect(snapshot.nearNames('gpt-4oo')[0]).toBe('openai/gpt-4o');
    expect(snapshot.nearNames('openai/gtp-4o')[0]).toBe('openai/gpt-4o');
    expect(snapshot.nearNames('claude-sonet-4-5')[0]).toBe('anthropic/claude-sonnet-4-5');
    expect(snapshot.nearNames('openai/claude-sonnet-4-5')[0]).toBe('anthropic/claude-sonnet-4-5');
    expect(snapshot.nearNames('zzzzzzzzzzzzzzzz')).toEqual([]);
    expect(snapshot.nearNames('g'.repeat(100_000)).length).toBeLessThanOrEqual(5);
  });

  test('counts an empty variable as not set, and moves addresses', () => {
    const moved = snapshotOf(
      {},
      { OPENAI_API_KEY: ' ', ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: 'http://proxy.example/' },
    );
    expect(moved.resolveModel('openai/gpt-4o')).toBeUndefined();
    expect(moved.resolveModel('anthropic/claude-x')?.endpoints[0]?.baseUrl).toBe('http://proxy.example/v1');
  });

  test("serves one's own servers once their address is set", () => {
    expect(snapshotOf({}, { OLLAMA_API_KEY: 'k' }).resolveModel('ollama/llama3')).toBeUndefined();
    const own = snapshotOf({}, { OLLAMA_BASE_URL: 'box.example:11434' }).resolveModel('ollama/llama3');
    expect(own?.endpoints[0]).toMatchObject({
      baseUrl: 'http://box.example:11434/v1',
      credential: undefined,
      price: undefined,
    });
  });
});

describe('configured models', () => {
  test('come before everything else', () => {
    const snapshot = snapshotOf({ models: [modelOf('gpt-4o', ['anthropic', 'claude-sonnet-4-5'])] });
    expect(idsOf(snapshot, 'gpt-4o')).toEqual(['anthropic/claude-sonnet-4-5']);
    expect(snapshot.endpoints.map((endpoint) => endpoint.id)).toEqual(['anthropic/claude-sonnet-4-5']);
  });

  test('stay known when no endpoint can serve them', () => {
    const snapshot = snapshotOf({ models: [modelOf('fast', ['groq', 'llama3'])] });
    const lack = 'Groq has no credential (set GROQ_API_KEY)';
    expect(snapshot.resolveModel('fast')?.endpoints).toMatchObject([
      { id: 'groq/llama3', credential: undefined, lack },
    ]);
    expect(snapshot.models.some((model) => model.id === 'fast')).toBe(false);
  });

  test('match patterns, the more specific first, and fill in what was captured', () => {
    const snapshot = snapshotOf({
      models: [
        modelOf('*', ['anthropic', '*']),
        modelOf('team/*', ['openai', '*']),
        modelOf('team/*-mini', ['openai', '*-mini-2024-07-18']),
      ],
    });
    expect(idsOf(snapshot, 'team/gpt-4o')).toEqual(['openai/gpt-4o']);
    expect(idsOf(snapshot, 'team/gpt-4o-mini')).toEqual(['openai/gpt-4o-mini-2024-07-18']);
    expect(idsOf(snapshot, 'claude-x')).toEqual(['anthropic/claude-x']);
    expect(idsOf(snapshot, 'anthropic/claude-x')).toEqual(['anthropic/claude-x']);
    expect(snapshot.resolveModel('team/gpt-4o')?.reason).toBe('matches team/*');
    expect(snapshot.models.find((model) => model.id === 'team/gpt-4o')?.reason).toBe('matches team/*');
  });

  test('tell entries apart that differ in address or credential, the same over reloads', () => {
    const model: ConfiguredModel = {
      ...modelOf('m', ['openai', 'x'], ['openai', 'x']),
      endpoints: [
        plainEndpoint('openai', 'x'),
        plainEndpoint('openai', 'x'),
        { ...plainEndpoint('openai', 'x'), apiKey: 'other-key' },
        { ...plainEndpoint('openai', 'x'), baseUrl: 'http://elsewhere.example/v1' },
      ],
    };
    const ids = idsOf(snapshotOf({ models: [model] }), 'm') ?? [];
    expect(new Set(ids).size).toBe(4);
    expect(ids.slice(0, 2)).toEqual(['openai/x', 'openai/x~2']);
    expect(ids.join()).not.toContain('other-key');
    expect(idsOf(snapshotOf({ models: [model] }), 'm')).toEqual(ids);
  });

  test('keep a credential at the address it was given for', () => {
    const elsewhere = { ...plainEndpoint('openai', 'x'), baseUrl: 'http://elsewhere.example/v1' };
    const model = (inheritsCredential: boolean) => ({
      ...modelOf('m'),
      endpoints: [{ ...elsewhere, inheritsCredential }],
    });
    expect(snapshotOf({ models: [model(false)] }).resolveModel('m')?.endpoints[0]?.credential).toBeUndefined();
    expect(snapshotOf({ models: [model(true)] }).resolveModel('m')?.endpoints[0]?.credential).toBe('sk-openai');
  });

  test('fall back by name, pattern, or for all, and never to themselves', () => {
    const fallbacks = new Map([
      ['a', ['b']],
      ['team/*', ['c']],
      ['*', ['a', 'z']],
    ]);
    const snapshot = snapshotOf({
      fallbacks,
      models: [modelOf('a', ['openai', 'x']), modelOf('z', ['openai', 'x']), modelOf('team/*', ['openai', '*'])],
    });
    expect(snapshot.resolveModel('a')?.fallbacks).toEqual(['b']);
    expect(snapshot.resolveModel('team/q')?.fallbacks).toEqual(['c']);
    expect(snapshot.resolveModel('z')?.fallbacks).toEqual(['a']);
    expect(snapshot.resolveModel('openai/gpt-4o')?.fallbacks).toEqual(['a', 'z']);
  });

  test('are all there is when discovery is off', () => {
    const snapshot = snapshotOf({ discovery: false, models: [modelOf('a', ['openai', 'x'])] });
    expect(idsOf(snapshot, 'a')).toEqual(['openai/x']);
    expect(snapshot.resolveModel('openai/x')).toBeUndefined();
    expect(snapshot.models.map((model) => model.id)).toEqual(['a']);
  });
});

test('prices follow the clock', () => {
  let nowMs = Date.UTC(2026, 9, 1, 12);
  const snapshot = buildSnapshot(emptyConfiguration, { DEEPSEEK_API_KEY: 'k' }, { version: 1, nowMs: () => nowMs });
  const endpoint = snapshot.resolveModel('deepseek/deepseek-chat')?.endpoints[0];
  expect(endpoint?.price?.input).toBe(270_000_000n);
  nowMs = Date.UTC(2026, 9, 1, 20);
  expect(endpoint?.price?.input).toBe(135_000_000n);
});

describe('the sandbox', () => {
  test('is wanted when nothing else is available', () => {
    expect(wantsSandbox(emptyConfiguration, {})).toBe(true);
    expect(wantsSandbox(emptyConfiguration, environment)).toBe(false);
    expect(wantsSandbox({ ...emptyConfiguration, sandbox: true }, environment)).toBe(true);
    expect(wantsSandbox({ ...emptyConfiguration, sandbox: false }, {})).toBe(false);
    expect(wantsSandbox({ ...emptyConfiguration, models: [modelOf('m', ['openai', 'x'])] }, {})).toBe(false);
  });

  test('serves for nothing at the address it runs at', () => {
    const snapshot = buildSnapshot(
      emptyConfiguration,
      {},
      { version: 1, sandboxUrl: 'http://127.0.0.1:1234', sandboxModels: ['echo'] },
    );
    const endpoint = snapshot.resolveModel('sandbox/echo')?.endpoints[0];
    expect(endpoint).toMatchObject({
      baseUrl: 'http://127.0.0.1:1234/v1',
      credential: undefined,
      price: { input: 0n, output: 0n },
    });
    expect(snapshot.models.map((model) => model.id)).toEqual(['sandbox/echo']);
    expect(buildSnapshot(emptyConfiguration, {}, { version: 1 }).resolveModel('sandbox/echo')).toBeUndefined();
  });
});

test('does not compare names of absurd length', () => {
  const snapshot = snapshotOf({ models: [modelOf('*a*b*c*d*', ['openai', 'x'])] });
  const startMs = performance.now();
  expect(snapshot.resolveModel('abc'.repeat(100_000))).toBeUndefined();
  expect(performance.now() - startMs).toBeLessThan(100);
});

test('remembers only so many names that callers made up', () => {
  const snapshot = snapshotOf({});
  const first = snapshot.resolveModel('openai/made-up');
  expect(snapshot.resolveModel('openai/made-up')).toBe(first);
  for (let index = 0; index < 1500; index++) snapshot.resolveModel(`openai/made-up-${index}`);
  expect(snapshot.resolveModel('openai/made-up')).not.toBe(first);
});
