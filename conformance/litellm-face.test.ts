/**
 * The flows LiteLLM's documentation walks through for keys, teams, users, customers, tags, budgets and spend, by the clients it uses: curl and OpenAI's SDK,
 * against a gateway that runs as a process of its own from a LiteLLM `config.yaml`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { jsonPlan } from '@turnpike/emulator/http/wire-plan.ts';
import OpenAI from 'openai';
import { GatewayProcess } from './crash/gateway-process.ts';

const MASTER = 'sk-1234';
/** Of one answer: ten tokens in at a dollar a million, ten out at two. */
const COST = 0.000_03;
const today = new Date().toISOString().slice(0, 10);
const days = `start_date=${today}&end_date=${today}`;

let folder: string;
let emulator: Emulator;
let gateway: GatewayProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-litellm-'));
  emulator = await startEmulator();
  emulator.script([{ plan: jsonPlan(200, completion) }], { repeat: true });
  const model = (name: string) => ({
    model_name: name,
    litellm_params: {
      model: `openai/${name}`,
      api_base: `${emulator.url}/v1`,
      api_key: 'os.environ/UPSTREAM_KEY',
      input_cost_per_token: 1e-6,
      output_cost_per_token: 2e-6,
    },
  });
  const config = { model_list: [model('gpt-4o'), model('llama3')], general_settings: { master_key: MASTER } };
  const file = join(folder, 'config.yaml');
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML.
  gateway = await GatewayProcess.start(file, { TURNPIKE_DATA_DIR: folder, UPSTREAM_KEY: 'sk-upstream', HOME: folder });
}, 60_000);
afterAll(async () => {
  await gateway?.stop();
  await emulator?.stop();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}
interface Body {
  readonly [field: string]: unknown;
  readonly key: string;
  readonly info: Body;
  readonly error: { readonly message: string; readonly type: string; readonly code: string };
}

/** Runs curl with these arguments; addresses are as in documentation. */
async function curl(...words: string[]): Promise<Answer> {
  const args = words.map((word) => word.replace(/^http:\/\/(0\.0\.0\.0|localhost):4000/, gateway.url));
  const process = Bun.spawn(['curl', '--silent', '--show-error', '--include', ...args], {
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const text = await new Response(process.stdout).text();
  if ((await process.exited) !== 0) throw new Error(await new Response(process.stderr).text());
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Headers(
    lines.map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  );
  return { status: Number(first.split(' ')[1]), headers, body: JSON.parse(text.slice(end + 4)) };
}

const as = (key: string) => ['--header', `Authorization: Bearer ${key}`, '--header', 'Content-Type: application/json'];

/** POSTs as LiteLLM's documentation does. */
function post(path: string, fields: object, key = MASTER): Promise<Answer> {
  return curl('--location', `http://0.0.0.0:4000${path}`, ...as(key), '--data', JSON.stringify(fields));
}

function get(path: string, key = MASTER): Promise<Answer> {
  return curl('-X', 'GET', `http://0.0.0.0:4000${path}`, '-H', `Authorization: Bearer ${key}`);
}

async function made(path: string, fields: object): Promise<Body> {
  const { status, body } = await post(path, fields);
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

function chat(key: string, fields: object = {}): Promise<Answer> {
  const messages = [{ role: 'user', content: 'Say hello.' }];
  return post('/chat/completions', { model: 'llama3', messages, ...fields }, key);
}

const list = async (path: string, key?: string) => (await get(path, key)).body as unknown as Record<string, unknown>[];
const usd = (count: number) => expect.closeTo(count * COST, 12);

describe('virtual keys', () => {
  test('are generated, used, looked at, changed and deleted', async () => {
    const fields = {
      models: ['gpt-4o', 'llama3'],
      metadata: { user: 'ann@example.org' },
      duration: '30min',
      team_id: 'core',
      max_budget: 10,
    };
    const { key, ...rest } = await made('/key/generate', fields);
    expect(rest).toMatchObject({ ...fields, spend: 0, user_id: null, key_name: `sk-...${key.slice(-4)}` });
    const answer = await chat(key);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-litellm-response-cost')).toBe('0.00003');
    expect(answer.headers.get('x-litellm-key-max-budget')).toBe('10');
    expect((await get(`/key/info?key=${key}`)).body).toMatchObject({ key, info: { spend: usd(1), team_id: 'core' } });
    expect((await get('/key/info', key)).body.info).toMatchObject({ spend: usd(1) });
    expect(await made('/key/update', { key, models: ['gpt-4o'], metadata: { user: 'bob' } })).toMatchObject({
      models: ['gpt-4o'],
    });
    expect((await chat(key)).body.error).toMatchObject({ message: expect.stringContaining('llama3') });
    expect(await made('/key/delete', { keys: [key] })).toMatchObject({ deleted_keys: [key] });
    expect((await chat(key)).status).toBe(401);
  });

  test('are blocked and unblocked', async () => {
    const { key } = await made('/key/generate', {});
    await made('/key/block', { key });
    expect((await chat(key)).status).toBe(403);
    await made('/key/unblock', { key });
    expect((await chat(key)).status).toBe(200);
  });

  test('are rotated', async () => {
    const { key } = await made('/key/generate', { max_budget: 1 });
    const fields = { max_budget: 100, metadata: { team: 'core-infra' }, models: ['gpt-4o', 'llama3'] };
    const rotated = await made(`/key/${key}/regenerate`, fields);
    expect(rotated).toMatchObject(fields);
    expect([(await chat(key)).status, (await chat(rotated.key)).status]).toEqual([401, 200]);
  });
});

describe('budgets', () => {
  test('of a key: what crosses it is refused', async () => {
    const { key } = await made('/key/generate', { max_budget: 0.000_000_2, budget_duration: '30s' });
    const refused = await chat(key);
    expect(refused.status).toBe(402);
    expect(refused.body.error.message).toContain('0.0000002 USD');
  });

  test('of a key, raised for a time', async () => {
    const { key } = await made('/key/generate', { max_budget: 0.000_000_1 });
    expect((await chat(key)).status).toBe(402);
    const until = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10);
    await made('/key/update', { key, temp_budget_increase: 100, temp_budget_expiry: until });
    const { status, headers } = await chat(key);
    expect([status, headers.get('x-litellm-key-max-budget')]).toEqual([200, '100.0000001']);
  });

  test('of a key for one model', async () => {
    const model_max_budget = { 'gpt-4o': { budget_limit: '0.0000001', time_period: '1d' } };
    const { key } = await made('/key/generate', { model_max_budget });
    expect([(await chat(key, { model: 'gpt-4o' })).status, (await chat(key)).status]).toEqual([402, 200]);
  });

  test('of a team', async () => {
    const fields = { team_alias: 'QA', max_budget: 0.000_000_001, budget_duration: '1d' };
    const { team_id, ...team } = await made('/team/new', fields);
    expect(team).toMatchObject({ ...fields, budget_reset_at: expect.stringMatching(/T00:00:00.000Z$/) });
    const { key } = await made('/key/generate', { team_id });
    expect((await chat(key)).status).toBe(402);
    await made('/team/update', { team_id, max_budget: 1 });
    expect((await chat(key)).status).toBe(200);
    expect((await get(`/team/info?team_id=${team_id}`)).body.team_info).toMatchObject({ spend: usd(1), max_budget: 1 });
  });

  test('of a member of a team', async () => {
    await made('/user/new', { user_id: 'ishi' });
    const { team_id } = await made('/team/new', { team_alias: 'Members', rpm_limit: 99 });
    const member = { role: 'user', user_id: 'ishi' };
    await made('/team/member_add', { team_id, max_budget_in_team: 0.000_000_000_001, member });
    const inTeam = await made('/key/generate', { user_id: 'ishi', team_id });
    const alone = await made('/key/generate', { user_id: 'ishi' });
    expect([(await chat(inTeam.key)).status, (await chat(alone.key)).status]).toEqual([402, 200]);
    await made('/team/member_update', { team_id, user_id: 'ishi', max_budget_in_team: 1 });
    expect((await chat(inTeam.key)).status).toBe(200);
    await made('/team/member_delete', { team_id, user_id: 'ishi' });
    expect((await chat(inTeam.key)).status).toBe(401);
  });

  test('of a user, over all keys', async () => {
    const fields = { models: ['llama3'], max_budget: 0, user_id: 'kri@example.org' };
    const { key, ...user } = await made('/user/new', fields);
    expect(user).toMatchObject(fields);
    const other = await made('/key/generate', { models: ['llama3'], user_id: fields.user_id });
    expect([(await chat(key)).status, (await chat(other.key)).status]).toEqual([402, 402]);
    await made('/user/update', { user_id: fields.user_id, max_budget: 1 });
    expect((await chat(other.key)).status).toBe(200);
  });

  test('of customers: their own, or a tier', async () => {
    await made('/customer/new', { user_id: 'poor customer', max_budget: '0' });
    expect((await chat(MASTER, { user: 'poor customer' })).status).toBe(402);
    await made('/budget/new', { budget_id: 'free-tier', rpm_limit: 2 });
    await made('/customer/new', { user_id: 'free customer', budget_id: 'free-tier' });
    const client = new OpenAI({ apiKey: MASTER, baseURL: gateway.url, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'Hello!' }];
    const ask = async () => client.chat.completions.create({ model: 'gpt-4o', messages, user: 'free customer' });
    for (let call = 0; call < 2; call++) expect((await ask()).choices[0]?.message.content).toBe('Hello.');
    await expect(ask()).rejects.toBeInstanceOf(OpenAI.RateLimitError);
    await made('/customer/block', { user_ids: ['nobody yet'] });
    expect((await chat(MASTER, { user: 'nobody yet' })).status).toBe(403);
  });

  test('of tags', async () => {
    const fields = { name: 'engineering', description: 'A cost centre', max_budget: 0, budget_duration: '30d' };
    expect(await made('/tag/new', fields)).toMatchObject(fields);
    const tagged = { metadata: { tags: ['engineering', 'project-a'] } };
    expect((await chat(MASTER, tagged)).status).toBe(402);
    expect(await made('/tag/update', { name: 'engineering', max_budget: 750 })).toMatchObject({ max_budget: 750 });
    expect((await chat(MASTER, tagged)).status).toBe(200);
    expect(await made('/tag/info', { names: ['engineering'] })).toMatchObject({
      engineering: { name: 'engineering', spend: usd(1), max_budget: 750, budget_duration: '30d' },
    });
    await made('/tag/delete', { name: 'engineering' });
  });
});

describe('limits', () => {
  test.each([{ rpm_limit: 1 }, { model_rpm_limit: { llama3: 1 } }, { metadata: { model_rpm_limit: { llama3: 1 } } }])(
    'of keys, and of teams: %j',
    async (fields) => {
      const { team_id } = await made('/team/new', fields);
      const keys = [await made('/key/generate', fields), await made('/key/generate', { team_id })];
      for (const { key } of keys) expect([(await chat(key)).status, (await chat(key)).status]).toEqual([200, 429]);
    },
  );

  test('of a key for one model: what is left stands in headers', async () => {
    const fields = { model_rpm_limit: { 'gpt-4o': 2 }, model_tpm_limit: { 'gpt-4o': 10_000 } };
    const { key } = await made('/key/generate', fields);
    const { headers } = await chat(key, { model: 'gpt-4o' });
    expect(headers.get('x-litellm-key-remaining-requests-gpt-4o')).toBe('1');
    expect(Number(headers.get('x-litellm-key-remaining-tokens-gpt-4o'))).toBeWithin(1, 10_000);
    expect((await chat(key)).headers.get('x-litellm-key-remaining-requests-gpt-4o')).toBeNull();
  });
});

describe('spend', () => {
  test('is told by key, customer and tag, of the answer and after it', async () => {
    const { key } = await made('/key/generate', { user_id: 'spender', team_id: 'spenders' });
    const client = new OpenAI({ apiKey: key, baseURL: gateway.url, maxRetries: 0 });
    const messages = [{ role: 'user' as const, content: 'A short poem.' }];
    const tags = ['jobID:77', 'taskName:classify'];
    const { data, response } = await client.chat.completions
      .create({ model: 'llama3', messages, user: 'palantir', metadata: { tags } } as never)
      .withResponse();
    expect(Number(response.headers.get('x-litellm-response-cost'))).toBe(COST);
    const { id } = data as unknown as { id: string };
    expect(await list(`/spend/logs?api_key=${key}&request_id=${id}`)).toMatchObject([{ request_id: id }]);
    expect(await list(`/spend/logs?api_key=${key}`)).toMatchObject([
      {
        user: 'spender',
        team_id: 'spenders',
        end_user: 'palantir',
        request_tags: tags,
        model_group: 'llama3',
        spend: usd(1),
      },
    ]);
    expect((await get('/customer/info?end_user_id=palantir')).body).toMatchObject({
      user_id: 'palantir',
      spend: usd(1),
    });
    expect(await list(`/spend/tags?${days}`)).toContainEqual({
      individual_request_tag: 'jobID:77',
      log_count: 1,
      total_spend: usd(1),
    });
  });

  test('is reported to keys that may read it', async () => {
    const { key } = await made('/key/generate', { permissions: { get_spend_routes: true } });
    const teams = await list(`/global/spend/report?${days}&group_by=team`, key);
    expect(JSON.stringify(teams)).toContain('"team_name":"spenders"');
    const customers = await list(`/global/spend/report?${days}&group_by=customer`, key);
    expect(JSON.stringify(customers)).toContain('"customer":"palantir"');
    expect(await list(`/global/spend/report?${days}&internal_user_id=spender`, key)).toMatchObject([
      { total_cost: usd(1), model_details: [{ model: 'llama3' }] },
    ]);
    const plain = await made('/key/generate', {});
    expect((await get(`/global/spend/report?${days}`, plain.key)).body.error).toMatchObject({
      code: '403',
      type: 'auth_error',
    });
  });

  test('is told by day', async () => {
    const { body } = await curl(
      '-L',
      '-X',
      'GET',
      `http://localhost:4000/user/daily/activity?${days}&user_id=spender`,
      ...as(MASTER),
    );
    expect(body).toMatchObject({ results: [{ date: today, metrics: { spend: usd(1), api_requests: 1 } }] });
  });

  test('counts no more after a reset, and stays in the ledger', async () => {
    const before = (await get('/global/spend')).body.spend;
    expect((await curl('-X', 'POST', 'http://localhost:4000/global/spend/reset', ...as(MASTER))).body.status).toBe(
      'success',
    );
    expect((await get('/global/spend')).body.spend).toBe(before);
  });
});

test('the commands of docs/migrating-from-litellm.md work when pasted', async () => {
  const text = await Bun.file(join(import.meta.dir, '../docs/migrating-from-litellm.md')).text();
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
  expect(blocks.length).toBeGreaterThan(0);
  const script = blocks.join('\n').replaceAll('localhost:4000', gateway.url.replace('http://', ''));
  const process = Bun.spawn(['bash', '-euo', 'pipefail', '-c', script], {
    env: { PATH: Bun.env.PATH ?? '', TURNPIKE_ADMIN_KEY: MASTER },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const said = await new Response(process.stdout).text();
  expect([await process.exited, said.includes('"error"')]).toEqual([0, false]);
  expect(said).toContain('"deleted_keys"');
});

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'served',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
};
