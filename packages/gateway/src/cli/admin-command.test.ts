import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ADMIN_KEY, startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';
import { runAdminCommand } from './admin-command.ts';
import { readAdminCommand } from './admin-options.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await startTestHouse();
});
afterAll(() => house.stop());

/** Runs a line of words, with no shell between. */
async function run(line: string, environment: Record<string, string> = {}) {
  const [what = '', ...args] = line.split(' ');
  let out = '';
  let err = '';
  const code = await runAdminCommand(
    what === 'team' ? 'team' : 'key',
    args,
    { TURNPIKE_ADMIN_KEY: ADMIN_KEY, TURNPIKE_URL: house.gateway.url, ...environment },
    {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
    },
  );
  return { code, out, err };
}

const models = async (key: string) =>
  (await fetch(`${house.gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;
const keyIn = (text: string) => /sk-tp-[A-Za-z0-9_-]{43}/.exec(text)?.[0] ?? '';

describe('key', () => {
  test('goes from create to delete', async () => {
    expect((await run('team create --name web')).code).toBe(0);
    const made = await run('key create --name web --team web --models gpt-*,chat --expires 30d --max-output 100');
    expect(made.code).toBe(0);
    const key = keyIn(made.out);
    expect(await models(key)).toBe(200);
    expect((await run('key list --team web')).out).toContain('sk-tp-…');
    expect((await run('key list --team ops')).out).not.toContain('sk-tp-…');
    const table = (await run('key list')).out;
    expect(table).toMatch(/^name +key +state +models +expires +id\nweb +sk-tp-…\S{4} +active +gpt-\*,chat +20/);
    const rotated = await run('key rotate web --grace 1d');
    expect([await models(key), await models(keyIn(rotated.out))]).toEqual([200, 200]);
    const bounded = await run('key create --name bounded --team web --budget 50/month --rpm 60 --model-groups fast');
    expect((await run('key list')).out).toMatch(/bounded .* fast /);
    expect([bounded.code, (await run('key delete bounded')).code]).toEqual([0, 0]);
    expect((await run('key block web')).out).toBe('The key "web" is blocked.\n');
    expect(await models(key)).toBe(403);
    expect((await run('key list')).out).toContain('blocked');
    expect((await run('key unblock web')).code).toBe(0);
    expect((await run('key delete web')).out).toBe('The key "web" is deleted.\n');
    expect(await models(key)).toBe(401);
  });

  test('--json gives what the admin API answered', async () => {
    const made = await run('key create --name json --json');
    expect(JSON.parse(made.out)).toMatchObject({ name: 'json', version: 1, key: expect.stringMatching(/^sk-tp-/) });
    expect(JSON.parse((await run('key list --json')).out)).toMatchObject({ nextCursor: null });
    const refused = await run('key block nobody --json');
    expect([refused.code, JSON.parse(refused.err)]).toMatchObject([1, { error: { code: 'record_unknown' } }]);
  });

  test('what goes wrong has its own exit code, and words', async () => {
    const refused = await run('key create --name x --team nowhere');
    expect([refused.code, refused.err]).toEqual([
      1,
      'There is no team "nowhere". Give its id or its name. (body_invalid)\n',
    ]);
    expect((await run('key block nobody', { TURNPIKE_ADMIN_KEY: 'sk-of-somebody-else' })).code).toBe(1);
    expect((await run('key frobnicate')).code).toBe(2);
    expect((await run('key list', { TURNPIKE_ADMIN_KEY: '' })).err).toContain('TURNPIKE_ADMIN_KEY');
    expect((await run('key list --url http://127.0.0.1:1')).code).toBe(3);
    const help = await run('key --help');
    expect([help.code, help.out.includes('key rotate NAME')]).toEqual([0, true]);
  });
});

describe('words', () => {
  const bodyOf = (...args: string[]) => {
    const command = readAdminCommand('key', args, 1_000);
    return typeof command === 'object' && 'body' in command ? command.body : String(command);
  };

  test('become the body of a request', () => {
    expect(
      bodyOf(
        'create',
        '--name',
        'a',
        '--service-account',
        's',
        '--ip',
        '10.0.0.0/8, ::1',
        '--tags',
        'x',
        '--expires',
        '2h',
      ),
    ).toEqual({
      name: 'a',
      serviceAccountId: 's',
      tags: ['x'],
      policy: { ipAllow: ['10.0.0.0/8', '::1'], expiresAtMs: 7_201_000 },
    });
    expect(bodyOf('create', '--name', 'a', '--expires', '2030-01-31')).toEqual({
      name: 'a',
      policy: { expiresAtMs: Date.UTC(2030, 0, 31) },
    });
    const rules = [
      '--budget',
      '50/month,2.50/day',
      '--rpm',
      '60',
      '--tpm',
      '9000',
      '--concurrency',
      '4',
      '--budget-id',
      'free,extra',
    ];
    expect(bodyOf('create', '--name', 'a', ...rules)).toEqual({
      name: 'a',
      budgets: [
        { amount: '50', per: 'month' },
        { amount: '2.50', per: 'day' },
      ],
      budgetIds: ['free', 'extra'],
      limits: [{ requests: 60, tokens: 9000, per: 'minute' }, { concurrency: 4 }],
    });
    const more = [
      '--policy',
      '{"data":{"training":false},"models":["a"]}',
      '--models',
      'b',
      '--request-tags',
      'project:*',
    ];
    expect(bodyOf('create', '--name', 'a', ...more)).toEqual({
      name: 'a',
      policy: { data: { training: false }, models: ['b'], requestTagsRequired: ['project:*'] },
    });
    expect(bodyOf('rotate', 'a', '--grace', '90s')).toEqual({ graceMs: 90_000 });
  });

  test.each([
    [['create'], '--name'],
    [['create', 'a', '--name', 'a'], 'one argument too many'],
    [['create', '--name', 'a', '--expires', 'soon'], '--expires'],
    [['create', '--name', 'a', '--max-output', '-1'], '--max-output'],
    [['create', '--name', 'a', '--budget', '50'], '--budget'],
    [['create', '--name', 'a', '--rpm', '0'], '--rpm'],
    [['create', '--name', 'a', '--policy', '{'], '--policy must be'],
    [['create', '--name', 'a', '--policy', '[]'], '--policy must be'],
    [['rotate'], 'Name the key'],
    [['rotate', 'a', '--grace', '1y'], '--grace'],
    [['block', 'a', 'b'], 'one argument too many'],
    [['list', '--colour', 'red'], '--colour'],
  ])('%p are wrong: %s', (args, words) => expect(bodyOf(...args)).toContain(words));
});
