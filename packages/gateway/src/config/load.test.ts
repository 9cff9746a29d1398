// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are what is tested
import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestKey } from './digest-key.ts';
import { loadConfiguration } from './load.ts';
import { renderProblem } from './problem.ts';

const directory = mkdtempSync(join(tmpdir(), 'turnpike-load-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function load(text: string, environment: Record<string, string> = {}) {
  writeFileSync(join(directory, 'turnpike.yaml'), text);
  return loadConfiguration({ directory, environment });
}

async function problemsOf(text: string, environment: Record<string, string> = {}): Promise<string[]> {
  const loaded = await load(text, environment);
  expect(loaded.configuration).toBeUndefined();
  return loaded.problems.map(renderProblem);
}

describe('loadConfiguration', () => {
  test('needs no file', async () => {
    const loaded = await loadConfiguration({ directory: tmpdir(), environment: {}, file: undefined });
    expect(loaded.configuration?.kind).toBe('none');
    expect(loaded.configuration?.server.bodyBytesMax).toBe(32 * 1024 * 1024);
  });

  test('takes an empty file', async () => {
    expect((await load('# nothing yet\n')).configuration?.models).toEqual([]);
  });

  test('names a file that is not there', async () => {
    const loaded = await loadConfiguration({ directory, file: 'other.yaml', environment: {} });
    expect(loaded.problems.map(renderProblem)).toEqual(['other.yaml: there is no such file. Check the path.']);
  });

  test('reads everything there is to say', async () => {
    const { configuration, problems } = await load(
      `
server: { port: 4100, host: 0.0.0.0, keepAliveMs: 0, cors: { origins: [https://app.example] } }
adminKey: admin-secret
keys:
  - { name: team, key: team-secret, models: [smart] }
  - { name: other, sha256: ${'A'.repeat(64)} }
providers:
  - { id: corp, baseUrl: https://llm.corp.example/v1/, apiKey: corp-secret, quirks: { systemRole: system } }
  - { id: claude-proxy, dialect: anthropic-messages, baseUrl: https://claude.corp.example/v1 }
models:
  - name: smart
    endpoints:
      - openai/gpt-4o
      - provider: corp
        model: big
        weight: 3
        order: 1
        deadlines: { firstByteMs: 1000 }
        headers: { x-team: a }
        price: { input: "0.15", output: 0.6, tiers: [{ aboveInputTokens: 1000, input: 1, output: 2 }] }
    fallbacks: [cheap]
    retries: 0
  - { name: cheap, endpoints: [gpt-4o-mini] }
defaults: { retries: 4, deadlines: { connectMs: 500 } }
fallbacks: { "*": [cheap] }
sandbox: false
`,
    );
    expect(problems).toEqual([]);
    expect(configuration?.listen).toEqual({ port: 4100, host: '0.0.0.0' });
    expect(configuration?.server).toMatchObject({
      keepAliveMs: 0,
      shutdownGraceMs: 30_000,
      cors: { origins: ['https://app.example'] },
    });
    expect(configuration?.keys).toEqual([
      { name: 'admin', sha256: digestKey('admin-secret'), models: undefined, isAdmin: true, scopes: [] },
      { name: 'team', sha256: digestKey('team-secret'), models: ['smart'], isAdmin: false, scopes: [] },
      { name: 'other', sha256: 'a'.repeat(64), models: undefined, isAdmin: false, scopes: [] },
    ]);
    const [corp, claude] = configuration?.providers ?? [];
    expect(corp?.provider).toMatchObject({
      baseUrl: 'https://llm.corp.example/v1',
      dialect: 'openai-chat',
      auth: { type: 'bearer' },
    });
    expect(claude?.provider).toMatchObject({
      auth: { type: 'header', name: 'x-api-key' },
      headers: { 'anthropic-version': '2023-06-01' },
    });
    const [smart, cheap] = configuration?.models ?? [];
    expect(smart).toMatchObject({ fallbacks: ['cheap'], retries: 0 });
    expect(smart?.endpoints[1]).toMatchObject({
      providerId: 'corp',
      model: 'big',
      weight: 3,
      order: 1,
      deadlines: { firstByteMs: 1000 },
    });
    expect(smart?.endpoints[1]?.price).toMatchObject({
      input: 150_000_000n,
      output: 600_000_000n,
      source: 'configuration',
    });
    expect(smart?.endpoints[1]?.price?.tiers?.[0]).toMatchObject({
      aboveInputTokens: 1000,
      price: { input: 1_000_000_000n },
    });
    // A bare name stands for the provider the catalogue has it from.
    expect(cheap?.endpoints[0]).toMatchObject({ providerId: 'openai', model: 'gpt-4o-mini' });
    expect(configuration?.defaults).toMatchObject({
      retries: 4,
      deadlines: { connectMs: 500, betweenChunksMs: 120_000 },
    });
    expect(configuration?.fallbacks.get('*')).toEqual(['cheap']);
    expect(configuration?.sandbox).toBe(false);
  });

  test('fills in the environment', async () => {
    const text = `
server: { port: "\${PORT}" }
adminKey: os.environ/ADMIN
providers:
  - { id: corp, baseUrl: "https://\${HOST:-localhost}/v1", apiKey: "a\${EMPTY:-b}$\${c}" }
`;
    const { configuration, problems } = await load(text, { PORT: '8080', ADMIN: 'x', EMPTY: '' });
    expect(problems).toEqual([]);
    expect(configuration?.listen.port).toBe(8080);
    expect(configuration?.keys[0]?.sha256).toBe(digestKey('x'));
    expect(configuration?.providers[0]?.provider.baseUrl).toBe('https://localhost/v1');
    expect(configuration?.providers[0]?.apiKey).toBe('ab${c}');
  });

  test('reports a missing variable exactly, and not what it leaves behind', async () => {
    expect(await problemsOf('server:\n  port: 1\nadminKey: ${NOT_THERE}\n')).toEqual([
      'turnpike.yaml:3:11: adminKey: the environment variable NOT_THERE is not set. Set it, or give a default: ${NOT_THERE:-…}.',
    ]);
    expect(await problemsOf('adminKey: "${NOT-A-NAME}"\n')).toEqual([
      'turnpike.yaml:1:11: adminKey: a reference to the environment is malformed. Write ${NAME} or ${NAME:-default}; $${ for a literal ${.',
    ]);
  });

  test('tells every problem at once, each with its place and what to do', async () => {
    const problems = await problemsOf(`server:
  prot: 4100
  exchangesMax: 0
keys:
  - { name: a }
models:
  - name: smart
    endpoints: [opnai/gpt-4o]
    fallback: [cheap]
  - name: smart
    endpoints: [{ provider: grok, modle: x }]
`);
    expect(problems).toEqual([
      'turnpike.yaml:2:3: server.prot: unknown key. Did you mean "port"?',
      'turnpike.yaml:3:17: server.exchangesMax: must be at least 1.',
      'turnpike.yaml:9:5: models[0].fallback: unknown key. Did you mean "fallbacks"?',
      expect.stringContaining('models[1].endpoints[0].model: is missing'),
      'turnpike.yaml:11:35: models[1].endpoints[0].modle: unknown key. Did you mean "model"?',
    ]);
  });

  test('checks what names refer to', async () => {
    const problems = await problemsOf(`keys:
  - { name: a }
  - { name: b, key: k }
  - { name: b, key: l }
providers:
  - { id: gorq }
  - { id: openai }
  - { id: openai }
models:
  - { name: smart, endpoints: [opnai/gpt-4o, some-model] }
  - { name: smart, endpoints: [{ provider: grok, model: x, price: { input: "0.0000000001", output: 1 } }] }
`);
    expect(problems).toEqual([
      'turnpike.yaml:2:5: keys[0]: needs either key or sha256. Give one of the two.',
      'turnpike.yaml:4:13: keys[2].name: the name b is used twice.',
      'turnpike.yaml:6:11: providers[0].id: gorq is no provider known by itself. Did you mean groq? Give it a baseUrl to define one.',
      'turnpike.yaml:8:11: providers[2].id: the provider openai is named twice.',
      'turnpike.yaml:10:32: models[0].endpoints[0]: there is no provider opnai. Did you mean openai?',
      'turnpike.yaml:10:46: models[0].endpoints[1]: some-model does not say which provider has it. Write it as provider/model: openai/some-model.',
      'turnpike.yaml:11:13: models[1].name: the model smart is named twice. Put all its endpoints into one entry.',
      expect.stringContaining('models[1].endpoints[0].provider: there is no provider grok. Did you mean groq'),
    ]);
  });

  test('never shows a value that may be a secret', async () => {
    const texts = [
      'adminKey: [sk-very-secret]\n',
      'adminKey: { k: sk-very-secret }\n',
      'keys: [{ name: a, key: sk-very-secret, sha256: sk-very-secret }]\n',
      'providers: [{ id: corp, baseUrl: sk-very-secret, apiKey: 5 }]\n',
      'adminKey: "sk-very-secret\n',
      'adminKey: sk-very-secret: b: c\n',
      'a: &x sk-very-secret\nb: *sk-very-secret\n',
    ];
    for (const text of texts) expect((await problemsOf(text)).join('\n')).not.toContain('sk-very-secret');
  });

  test('refuses documents that are broken, too big, too deep or a bomb of aliases', async () => {
    expect((await problemsOf('server: {\n'))[0]).toMatch(/^turnpike\.yaml:\d+:\d+: not valid YAML/);
    expect((await problemsOf('server: 1\nserver: 2\n'))[0]).toContain('turnpike.yaml:2:1');
    expect((await problemsOf(`# ${'x'.repeat(5_000_000)}\n`))[0]).toContain('bytes');
    expect((await problemsOf(`a: ${'['.repeat(200)}${']'.repeat(200)}\n`))[0]).toContain('too deeply');
    const levels = Array.from(
      { length: 12 },
      (_, n) =>
        `k${n}: &a${n} [${
          n === 0
            ? 'x'
            : Array(9)
                .fill(`*a${n - 1}`)
                .join(',')
        }]`,
    );
    expect((await problemsOf(`${levels.join('\n')}\n`))[0]).toContain('aliases expand to too much');
    expect((await problemsOf('- a\n- b\n'))[0]).toContain('must be a mapping');
  });

  test('reports endpoints that lack a credential, and says what to set', async () => {
    const { configuration, report } = await load(
      'models:\n  - { name: fast, endpoints: [groq/llama-3.1-8b-instant, ollama/llama3] }\n',
    );
    expect(configuration).toBeDefined();
    expect(report).toEqual([
      'fast: the endpoint groq/llama-3.1-8b-instant is left out: Groq has no credential (set GROQ_API_KEY).',
    ]);
  });
});
