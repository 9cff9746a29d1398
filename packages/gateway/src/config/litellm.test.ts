import { afterAll, describe, expect, test } from 'bun:test';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSnapshot } from './build.ts';
import { digestKey } from './digest-key.ts';
import { loadConfiguration } from './load.ts';

const directory = mkdtempSync(join(tmpdir(), 'turnpike-litellm-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), text);
}

async function load(text: string, environment: Record<string, string> = {}) {
  write('config.yaml', text);
  const loaded = await loadConfiguration({ file: 'config.yaml', directory, environment });
  expect(loaded.problems).toEqual([]);
  if (loaded.configuration === undefined) throw new Error('not loaded');
  const snapshot = buildSnapshot(loaded.configuration, environment, { version: 1 });
  return { configuration: loaded.configuration, report: loaded.report, snapshot };
}

async function idsOf(
  list: string,
  name: string,
  environment: Record<string, string> = { OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' },
) {
  const { snapshot } = await load(`model_list:\n${list}`, environment);
  return snapshot.resolveModel(name)?.endpoints.map((endpoint) => endpoint.id);
}

describe('a LiteLLM configuration', () => {
  test('is read whole', async () => {
    const { configuration, snapshot } = await load(
      `
model_list:
  - model_name: smart
    litellm_params:
      model: openai/gpt-4o
      api_key: os.environ/EU_KEY
      api_base: https://eu.example/v1/
      timeout: 30
      stream_timeout: "2.5"
      weight: 3
      extra_headers: { X-Team: a }
      organization: org-1
      max_retries: 5
    model_info: { id: eu-1 }
  - model_name: smart
    litellm_params: { model: anthropic/claude-sonnet-4-5, order: 2, weight: 1 }
litellm_settings:
  num_retries: 1
  request_timeout: 100
  fallbacks: [{ smart: [cheap] }]
router_settings:
  num_retries: 4
  default_fallbacks: [smart]
  model_group_alias: { gpt-4: smart, hidden-one: { model: smart, hidden: true } }
general_settings:
  master_key: os.environ/MASTER
  max_request_size_mb: 1
`,
      { EU_KEY: 'eu-secret', MASTER: 'sk-master', ANTHROPIC_API_KEY: 'sk-ant' },
    );
    expect(configuration.kind).toBe('litellm');
    expect(configuration.keys).toEqual([
      { name: 'master_key', sha256: digestKey('sk-master'), models: undefined, isAdmin: true, scopes: [] },
    ]);
    expect(configuration.server.bodyBytesMax).toBe(1024 * 1024);
    expect(configuration.defaults).toMatchObject({
      retries: 4,
      deadlines: { firstByteMs: 100_000, connectMs: 10_000 },
    });
    const route = snapshot.resolveModel('smart');
    expect(route).toMatchObject({ fallbacks: ['cheap'], retries: 5 });
    const [eu, claude] = route?.endpoints ?? [];
    expect(eu).toMatchObject({
      id: 'eu-1',
      baseUrl: 'https://eu.example/v1',
      credential: 'eu-secret',
      weight: 3,
      order: 3,
      headers: { 'x-team': 'a', 'openai-organization': 'org-1' },
      deadlines: { firstByteMs: 30_000, streamFirstByteMs: 2_500 },
    });
    expect(claude).toMatchObject({ id: 'anthropic/claude-sonnet-4-5', credential: 'sk-ant', order: 2 });
    expect(snapshot.resolveModel('gpt-4')?.endpoints.length).toBe(2);
    expect(snapshot.models.map((model) => model.id)).toEqual(['smart', 'gpt-4']);
    // A deployment's id, its upstream name, and the default fallback for names nobody configured.
    expect(snapshot.resolveModel('eu-1')?.endpoints.length).toBe(1);
    expect(snapshot.resolveModel('openai/gpt-4o')?.endpoints[0]?.id).toBe('eu-1');
    expect(snapshot.resolveModel('nobody')?.reason).toContain('default_fallbacks');
  });

  test('may leave the provider to be told by the name or the address', async () => {
    expect(await idsOf('  - { model_name: a, litellm_params: { model: gpt-4o } }', 'a')).toEqual(['openai/gpt-4o']);
    expect(await idsOf('  - { model_name: a, litellm_params: { model: claude-sonnet-4-5 } }', 'a')).toEqual([
      'anthropic/claude-sonnet-4-5',
    ]);
    const { snapshot, report } = await load(
      'model_list:\n  - { model_name: a, litellm_params: { model: my-model, api_base: "http://box.example/v1" } }\n' +
        '  - { model_name: b, litellm_params: { model: llama-x, api_base: "https://api.groq.com/openai/v1", api_key: k } }\n',
    );
    expect(snapshot.resolveModel('a')?.endpoints[0]).toMatchObject({
      baseUrl: 'http://box.example/v1',
      credential: undefined,
    });
    expect(snapshot.resolveModel('b')?.endpoints[0]?.provider.id).toBe('groq');
    expect(report).toContain(
      'model_list[0].litellm_params.model: no provider is named; its address is taken as OpenAI-compatible.',
    );
  });

  test("knows LiteLLM's names of providers", async () => {
    const named = {
      'together_ai/a/b': ['together', 'a/b'],
      'fireworks_ai/x': ['fireworks', 'x'],
      'hosted_vllm/x': ['vllm', 'x'],
      'lm_studio/x': ['lmstudio', 'x'],
      'openrouter/openai/gpt-4o': ['openrouter', 'openai/gpt-4o'],
      'ollama_chat/x': ['ollama', 'x'],
      'groq/x': ['groq', 'x'],
      'openai/org/x': ['openai', 'org/x'],
    };
    for (const [model, [provider, upstream]] of Object.entries(named)) {
      const { snapshot } = await load(
        `model_list: [{ model_name: m, litellm_params: { model: ${model}, api_key: k } }]`,
      );
      const endpoint = snapshot.resolveModel('m')?.endpoints[0];
      expect([endpoint?.provider.id, endpoint?.model]).toEqual([provider, upstream]);
    }
  });

  test("adds the version segment where LiteLLM's addresses go without", async () => {
    const { snapshot } = await load(`
model_list:
  - { model_name: a, litellm_params: { model: anthropic/x, api_base: "http://a.example", api_key: k } }
  - { model_name: o, litellm_params: { model: ollama/x, api_base: "http://o.example:11434/" } }
  - { model_name: c, litellm_params: { model: openai/x, api_base: "http://c.example/v1/chat/completions", api_key: k } }
`);
    const baseUrls = ['a', 'o', 'c'].map((name) => snapshot.resolveModel(name)?.endpoints[0]?.baseUrl);
    expect(baseUrls).toEqual(['http://a.example/v1', 'http://o.example:11434/v1', 'http://c.example/v1']);
  });

  test('matches wildcards as LiteLLM does', async () => {
    const list = `
  - { model_name: "*", litellm_params: { model: "*" } }
  - { model_name: "anthropic/*", litellm_params: { model: "anthropic/*" } }
  - { model_name: "team-*/x-*", litellm_params: { model: "openai/*" } }
  - { model_name: "fixed/*", litellm_params: { model: "openai/gpt-4o" } }
`;
    expect(await idsOf(list, 'anthropic/claude-x')).toEqual(['anthropic/claude-x']);
    expect(await idsOf(list, 'openai/anything')).toEqual(['openai/anything']);
    expect(await idsOf(list, 'gpt-4o')).toEqual(['openai/gpt-4o']);
    expect(await idsOf(list, 'fixed/whatever')).toEqual(['openai/gpt-4o']);
    // More captures than `*` to fill: the caller's own words.
    expect(await idsOf(list, 'team-a/x-b')).toEqual(['openai/team-a/x-b']);
  });

  test('shares traffic by weight, else by rpm, and tries the others last', async () => {
    const { snapshot, report } = await load(`
model_list:
  - { model_name: r, litellm_params: { model: openai/a, api_key: k, rpm: 60 } }
  - { model_name: r, litellm_params: { model: openai/b, api_key: k, rpm: 20, tpm: 5 } }
  - { model_name: w, litellm_params: { model: openai/a, api_key: k, weight: 2 } }
  - { model_name: w, litellm_params: { model: openai/b, api_key: k } }
`);
    const shares = (name: string) => snapshot.resolveModel(name)?.endpoints.map(({ weight, order }) => [weight, order]);
    expect(shares('r')).toEqual([
      [60, 0],
      [20, 0],
    ]);
    expect(shares('w')).toEqual([
      [2, 0],
      [1, 1],
    ]);
    expect(report.join()).not.toContain('rpm');
    expect(snapshot.resolveModel('r')?.endpoints.map(({ limits }) => limits)).toEqual([
      [{ measure: 'requests', amount: 60, windowMs: 60_000, scope: {}, each: [] }],
      [
        { measure: 'requests', amount: 20, windowMs: 60_000, scope: {}, each: [] },
        { measure: 'tokens', amount: 5, windowMs: 60_000, scope: {}, each: [] },
      ],
    ]);
    expect(report.some((line) => line.startsWith('model_list[3]: it has no weight'))).toBe(true);
  });

  test('takes prices per token exactly, the rest from the catalogue', async () => {
    const { snapshot } = await load(`
model_list:
  - { model_name: own, litellm_params: { model: openai/mine, api_key: k, input_cost_per_token: 0.00000015, output_cost_per_token: 6e-7, cache_read_input_token_cost: 1.5e-8 } }
  - { model_name: part, litellm_params: { model: openai/gpt-4o, api_key: k }, model_info: { input_cost_per_token: "0.000001" } }
  - { model_name: base, litellm_params: { model: openai/deployment-7, api_key: k }, model_info: { base_model: openai/gpt-4o } }
  - { model_name: unknown, litellm_params: { model: openai/deployment-7, api_key: k } }
  - { model_name: tier, litellm_params: { model: openai/t, api_key: k, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6, input_cost_per_token_above_200k_tokens: 2e-6 } }
`);
    const price = (name: string) => snapshot.resolveModel(name)?.endpoints[0]?.price;
    expect(price('own')).toMatchObject({ input: 150_000_000n, output: 600_000_000n, cacheRead: 15_000_000n });
    expect(price('part')).toMatchObject({ input: 1_000_000_000n, output: 10_000_000_000n });
    expect(price('base')?.input).toBe(2_500_000_000n);
    expect(price('unknown')).toBeUndefined();
    expect(price('tier')?.tiers).toEqual([
      { aboveInputTokens: 200_000, price: { input: 2_000_000_000n, output: 2_000_000_000n, source: 'configuration' } },
    ]);
  });

  test('resolves whole values only, and says what is not set', async () => {
    const { configuration, report } = await load(
      `
environment_variables: { FROM_FILE: file-secret }
model_list:
  - model_name: a
    litellm_params: { model: openai/x, api_key: os.environ/FROM_FILE, extra_headers: { x-a: "see os.environ/HOME" } }
  - { model_name: b, litellm_params: { model: openai/x, api_key: os.environ/NOT_THERE } }
`,
      { OPENAI_API_KEY: 'env-secret' },
    );
    expect(configuration.models[0]?.endpoints[0]).toMatchObject({
      apiKey: 'file-secret',
      headers: { 'x-a': 'see os.environ/HOME' },
    });
    expect(configuration.models[1]?.endpoints[0]?.apiKey).toBeUndefined();
    const line =
      'model_list[1].litellm_params.api_key: the environment variable NOT_THERE is not set; the value counts as absent.';
    expect(report.filter((each) => each === line)).toHaveLength(1);
    expect(report.join('\n')).not.toContain('secret');
  });

  test('reads access groups of models as groups', async () => {
    const { configuration, report } = await load(`
model_list:
  - { model_name: a, litellm_params: { model: openai/x, api_key: k }, model_info: { access_groups: [beta, "all"] } }
  - { model_name: a, litellm_params: { model: openai/y, api_key: k }, model_info: { access_groups: [beta] } }
  - { model_name: openai/*, litellm_params: { model: openai/*, api_key: k }, model_info: { access_groups: [all] } }
  - { model_name: b, litellm_params: { model: openai/x, api_key: k }, model_info: { access_groups: beta } }
  - { model_name: c, litellm_params: { model: openai/x, api_key: k }, model_info: { access_groups: } }
`);
    expect([...configuration.modelGroups]).toEqual([
      ['beta', ['a']],
      ['all', ['a', 'openai/*']],
    ]);
    expect(report.filter((line) => line.includes('access_groups'))).toEqual([
      'model_list[3].model_info.access_groups: must be a list of names; it is in no group.',
    ]);
  });

  test('lists whatever is not done, and serves the rest', async () => {
    const { snapshot, report } = await load(`
model_list:
  - { model_name: a, litellm_params: { model: bedrock/x } }
  - { model_name: b, litellm_params: { model: azure/x, api_base: "https://x.openai.azure.com" } }
  - { model_name: c }
  - { model_name: d, litellm_params: { model: openai/x, api_key: k, temperature: 0 }, model_info: { mode: embedding, tier: paid } }
litellm_settings: { cache: true, drop_params: true, something_new: 1 }
router_settings: { routing_strategy: least-busy }
general_settings: { database_url: "postgres://u:hidden@h/d" }
guardrails: []
`);
    expect(snapshot.resolveModel('d')?.endpoints.length).toBe(1);
    for (const start of [
      'model_list[0]: the entry is left out: the provider bedrock is not served yet',
      'model_list[1]: the entry is left out: the provider azure is not served yet',
      'model_list[2]: the entry is left out: it has no litellm_params.model',
      'model_list[3].litellm_params.temperature: not understood',
      'model_list[3].model_info.mode: only chat is served yet, not embedding',
      'model_list[3].model_info.tier: not understood',
      'litellm_settings.cache: answers are not cached yet',
      'litellm_settings.drop_params: ',
      'litellm_settings.something_new: not done yet',
      'router_settings.routing_strategy: endpoints are chosen by order and weight',
      'general_settings.database_url: keys and spend of that database are not read',
      'guardrails: not done yet',
    ]) {
      expect(report.filter((line) => line.startsWith(start))).toHaveLength(1);
    }
    expect(report.join('\n')).not.toContain('hidden');
  });

  test('reads what it includes: lists grow, everything else is replaced', async () => {
    write(
      'more.yaml',
      'model_list:\n  - { model_name: b, litellm_params: { model: openai/b, api_key: k } }\nlitellm_settings: { num_retries: 9 }\n',
    );
    const { configuration } = await load(
      'include: [more.yaml]\nmodel_list:\n  - { model_name: a, litellm_params: { model: openai/a, api_key: k } }\nlitellm_settings: { num_retries: 1 }\n',
    );
    expect(configuration.models.map((model) => model.name)).toEqual(['a', 'b']);
    expect(configuration.defaults.retries).toBe(9);
    expect(configuration.files).toEqual([join(directory, 'config.yaml'), join(directory, 'more.yaml')]);
  });

  test('is refused with places when it is broken', async () => {
    write('self.yaml', 'include: [self.yaml, gone.yaml]\nmodel_list: []\n');
    const loaded = await loadConfiguration({ file: 'self.yaml', directory, environment: {} });
    expect(loaded.problems).toMatchObject([
      { line: 1, column: 11, path: 'include[0]', message: 'the file is included twice' },
      { line: 1, column: 22, path: 'include[1]', message: 'gone.yaml: there is no such file' },
    ]);
    write('types.yaml', 'model_list: {}\nrouter_settings: 3\n');
    const types = await loadConfiguration({ file: 'types.yaml', directory, environment: {} });
    expect(types.problems.map((problem) => problem.path)).toEqual(['model_list', 'router_settings']);
  });

  test('takes a named credential from the list', async () => {
    const { snapshot } = await load(`
credential_list: [{ credential_name: shared, credential_values: { api_key: k1, api_base: "https://s.example/v1" } }]
model_list: [{ model_name: a, litellm_params: { model: openai/x, litellm_credential_name: shared } }]
`);
    expect(snapshot.resolveModel('a')?.endpoints[0]).toMatchObject({
      credential: 'k1',
      baseUrl: 'https://s.example/v1',
    });
  });
});
