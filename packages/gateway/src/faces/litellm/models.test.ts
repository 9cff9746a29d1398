import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COST, type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';

let house: LitellmTestHouse;
let upstream: string;
beforeAll(async () => {
  house = await startLitellmTestHouse();
  upstream = `${house.house.emulator.url}/v1`;
});
afterAll(() => house.house.stop());

interface Shown {
  readonly model_name: string;
  readonly litellm_params: Record<string, unknown>;
  readonly model_info: Record<string, unknown> & { id: string };
}
const info = async (query = '', key?: string) =>
  ((await house.ask(`/model/info${query}`, undefined, key)).body as unknown as { data: Shown[] }).data;
const params = (fields: object = {}) => ({
  model: 'openai/gpt-made',
  api_base: upstream,
  api_key: 'sk-secret-of-the-deployment',
  input_cost_per_token: 0.000_001,
  output_cost_per_token: 0.000_002,
  ...fields,
});

describe('/model/new', () => {
  test('makes a model that is served at once, its key kept away', async () => {
    const made = await house.made('/model/new', {
      model_name: 'made',
      litellm_params: params(),
      model_info: { id: 'made-1' },
    });
    expect(made).toMatchObject({ model_name: 'made', model_info: { id: 'made-1', db_model: true } });
    const { key, token } = await house.generate({ models: ['made'] });
    expect((await house.spend(key, { model: 'made' })).status).toBe(200);
    const sent = house.house.emulator.requests.at(-1);
    expect(sent?.headers.get('authorization')).toBe('Bearer sk-secret-of-the-deployment');
    expect((await house.ask(`/key/info?key=${token}`)).body.info.spend).toBe(COST);
    for (const path of ['/model/info', '/v2/model/info']) {
      expect((await house.ask(path)).text).not.toContain('sk-secret-of');
    }
    const [shown] = await info('?litellm_model_id=made-1');
    expect(shown).toMatchObject({
      model_name: 'made',
      litellm_params: { model: 'openai/gpt-made', api_base: upstream },
      model_info: { id: 'made-1', db_model: true, input_cost_per_token: 0.000_001, output_cost_per_token: 0.000_002 },
    });
    const again = { model_name: 'made', litellm_params: params(), model_info: { id: 'made-1' } };
    expect((await house.ask('/model/new', again)).body.error).toMatchObject({ code: '400', param: 'model_info.id' });
    const configured = { ...again, model_info: { id: 'second' } };
    expect((await house.ask('/model/new', configured)).body.error.param).toBe('model_info.id');
  });

  test('of one name, deployments share the calls; limits of each hold', async () => {
    for (const [id, rpm] of [
      ['one', 1],
      ['two', 2],
    ] as const) {
      await house.made('/model/new', { model_name: 'shared', litellm_params: params({ rpm }), model_info: { id } });
    }
    const { key } = await house.generate({});
    const statuses: number[] = [];
    for (let call = 0; call < 4; call++) statuses.push((await house.spend(key, { model: 'shared' })).status);
    expect(statuses.slice(0, 3)).toEqual([200, 200, 200]);
    expect(statuses[3]).not.toBe(200);
    expect((await info('?model=shared')).map(({ model_info }) => model_info.id).sort()).toEqual(['one', 'two']);
  });
});

test('/model/update and /model/{id}/update change what is given', async () => {
  await house.made('/model/new', {
    model_name: 'changing',
    litellm_params: params(),
    model_info: { id: 'changing-1' },
  });
  await house.made('/model/update', {
    litellm_params: { input_cost_per_token: 0.000_005, output_cost_per_token: 0.000_005 },
    model_info: { id: 'changing-1' },
  });
  const [shown] = await info('?litellm_model_id=changing-1');
  expect(shown?.model_info).toMatchObject({ input_cost_per_token: 0.000_005 });
  expect(shown?.litellm_params).toMatchObject({ api_base: upstream });
  await house.made('PATCH /model/changing-1/update', { litellm_params: { api_key: 'sk-another-secret' } });
  expect((await house.spend((await house.generate({})).key, { model: 'changing' })).status).toBe(200);
  expect(house.house.emulator.requests.at(-1)?.headers.get('authorization')).toBe('Bearer sk-another-secret');
  const moved = { model_name: 'elsewhere', model_info: { id: 'changing-1' } };
  expect((await house.ask('/model/update', moved)).body.error.param).toBe('model_name');
});

test('/model/delete: the deployment, its credential, and the model with its last', async () => {
  for (const id of ['going-1', 'going-2']) {
    await house.made('/model/new', { model_name: 'going', litellm_params: params(), model_info: { id } });
  }
  await house.made('/model/delete', { id: 'going-1' });
  expect((await info('?model=going')).map(({ model_info }) => model_info.id)).toEqual(['going-2']);
  await house.made('/model/delete', { id: 'going-2' });
  expect(await info('?model=going')).toEqual([]);
  const { body } = await house.call('GET', '/credentials?limit=100');
  expect(body.data.filter(({ name }) => String(name).startsWith('model-going'))).toEqual([]);
  expect((await house.ask('/model/delete', { id: 'going-2' })).status).toBe(404);
});

test('a key sees the models it may use', async () => {
  const { key } = await house.generate({ models: ['claude'] });
  expect((await info('', key)).map(({ model_name }) => model_name)).toEqual(['claude']);
});

describe('what means nothing here is refused by its name', () => {
  test.each([
    ['tags', ['free']],
    ['mock_response', 'Hello.'],
    ['extra_headers', { a: 'b' }],
    ['model', 'bedrock/claude'],
  ])('litellm_params.%s', async (field, value) => {
    const fields = { model_name: 'refused', litellm_params: params({ [field]: value }) };
    const { status, body } = await house.ask('/model/new', fields);
    expect([status, body.error.code]).toEqual([400, '400']);
    expect(body.error.message).toContain(field);
  });

  test('a model of the configuration', async () => {
    const { body } = await house.ask('/model/new', { model_name: 'chat', litellm_params: params() });
    expect(body.error).toMatchObject({ code: '400', message: expect.stringContaining('configuration') });
  });
});
