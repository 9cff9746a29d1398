/** What OpenRouter's management API answers here, checked against OpenRouter's own specification. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { describeShared } from './corpus.ts';
import { mismatches, type Schema } from './json-schema.ts';
import { type Rig, startRig } from './rig.ts';

interface Specification extends Schema {
  readonly paths: Record<
    string,
    Record<string, { responses: Record<string, { content: Record<string, { schema: Schema }> }> }>
  >;
}

describeShared("OpenRouter's specification", 'specs', (specs) => {
  let rig: Rig;
  let specification: Specification;
  beforeAll(async () => {
    const text = await Bun.file(join(specs, 'openrouter.openapi.yaml')).text();
    specification = Bun.YAML.parse(text) as Specification;
    const price = { input: 1, output: 2 };
    rig = await startRig({
      models: [{ name: 'priced', endpoints: [{ provider: 'up-openai-chat', model: 'm', price }], retries: 0 }],
    });
  }, 60_000);
  afterAll(() => rig?.stop());

  /** Calls, and holds the answer to what the specification says of the path. */
  async function call(method: string, path: string, template: string, body?: unknown, key = rig.key): Promise<Schema> {
    const response = await fetch(`${rig.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const value = (await response.json()) as Schema;
    const described = specification.paths[template]?.[method.toLowerCase()]?.responses[response.status];
    const schema = described?.content['application/json']?.schema;
    if (schema === undefined)
      throw new Error(`${method} ${template} answered ${response.status}: ${JSON.stringify(value)}`);
    expect(mismatches(value, schema, specification)).toEqual([]);
    return value;
  }

  test('holds for keys, from made to deleted', async () => {
    const made = await call('POST', '/keys', '/keys', {
      name: 'My key',
      limit: 50,
      limit_reset: 'monthly',
      include_byok_in_limit: false,
      expires_at: '2099-12-31T23:59:59Z',
    });
    const { hash } = made.data as { hash: string };
    await call('GET', '/keys', '/keys');
    await call('GET', `/keys/${hash}`, '/keys/{hash}');
    await call('GET', '/key', '/key', undefined, String(made.key));
    await call('PATCH', `/keys/${hash}`, '/keys/{hash}', { limit: null, disabled: true });
    await call('DELETE', `/keys/${hash}`, '/keys/{hash}');
    await call('GET', `/keys/${hash}`, '/keys/{hash}');
  });

  test('holds for credits, a generation and activity', async () => {
    await call('GET', '/credits', '/credits');
    const answer = await fetch(`${rig.url}/api/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${rig.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'priced', messages: [{ role: 'user', content: 'Hi' }] }),
    });
    const { id } = (await answer.json()) as { id: string };
    await call('GET', `/generation?id=${id}`, '/generation');
    await call('GET', '/generation?id=nothing', '/generation');
    await call('GET', '/activity', '/activity');
  });

  test('holds for refusals', async () => {
    await call('GET', '/key', '/key', undefined, 'sk-nobody-0123456789');
    await call('POST', '/keys', '/keys', { name: '' });
    await call('POST', '/keys', '/keys', { name: 'x' }, 'sk-nobody-0123456789');
  });

  test('is not met by anything', () => {
    const schema = specification.paths['/credits']?.get?.responses['200']?.content['application/json']?.schema ?? {};
    expect(mismatches({ data: { total_credits: '1' } }, schema, specification)).toEqual([
      '$.data.total_usage is missing',
      '$.data.total_credits is "1", not number',
    ]);
  });
});
