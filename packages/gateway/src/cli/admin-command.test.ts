import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ADMIN_KEY, startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';
import { runAdminCommand } from './admin-command.ts';
import { isAdminThing } from './admin-help.ts';
import { readAdminCommand } from './admin-options.ts';
import { WrongWords } from './ledger-words.ts';

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
    isAdminThing(what) ? what : 'key',
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
    expect(table).toMatch(
      /^name +key +state +models +budgets +expires +id\nweb +sk-tp-…\S{4} +active +gpt-\*,chat +– +20/,
    );
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

  test('a key without a name is given one, after its team', async () => {
    await run('team create --name daily');
    const made = await run('key create --team daily --budget 50/month --models gpt-*');
    expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^The key "daily-[0-9a-f]{6}" is made\./)]);
    expect((await run('key list --team daily')).out).toMatch(/\ndaily-\S+ .* 50\/month /);
    expect((await run('key create')).out).toMatch(/^The key "key-[0-9a-f]{6}" is made\./);
  });

  test('is shown with what is left of its budgets, and changed in parts', async () => {
    await run('key create --name shown --budget 50/month --models gpt-*,chat --max-output 100 --tags a,b --rpm 9');
    const shown = (await run('key show shown')).out;
    for (const line of [
      /name +shown\n/,
      /state +active\n/,
      /models +gpt-\*,chat\n/,
      /outputTokensMax +100\n/,
      /tags +a,b\n/,
    ]) {
      expect(shown).toMatch(line);
    }
    expect(shown).toMatch(/budget of 50 USD per month \(key shown\) +0 +0 +50\n$/);
    const changed = await run('key update shown --models chat --expires 30d --budget 10/day --markup 5');
    expect([changed.code, changed.out]).toEqual([0, 'The key "shown" is changed.\n']);
    const after = JSON.parse((await run('key show shown --json')).out);
    expect(after).toMatchObject({
      policy: { models: ['chat'], outputTokensMax: 100, expiresAtMs: expect.any(Number) },
      budgets: [{ amount: '10', per: 'day' }],
      limits: [{ requests: 9, per: 'minute' }],
      tags: ['a', 'b'],
      markups: [{ percent: '5' }],
    });
    const words = ['update', 'shown', '--max-output', '', '--expires', '', '--rpm', '', '--budget', '', '--markup', ''];
    const output = { out: () => undefined, err: () => undefined };
    const environment = { TURNPIKE_ADMIN_KEY: ADMIN_KEY, TURNPIKE_URL: house.gateway.url };
    expect(await runAdminCommand('key', words, environment, output)).toBe(0);
    const emptied = JSON.parse((await run('key show shown --json')).out);
    expect(emptied.policy).toEqual({ models: ['chat'] });
    expect([emptied.budgets, emptied.limits, emptied.markups]).toEqual([undefined, undefined, undefined]);
    expect((await run('key show nobody')).code).toBe(1);
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

test('organisations, projects, users and service accounts go from create to delete as teams do', async () => {
  await run('organisation create --name acme --budget 500/month');
  for (const what of ['team', 'project', 'user', 'service-account']) {
    const words = `${what} create --name of-acme --organisation acme --budget 5/day --rpm 60`;
    expect([what, (await run(words)).code]).toEqual([what, 0]);
    expect((await run(`${what} list --organisation acme`)).out).toMatch(/\nof-acme +active +all +5\/day /);
    expect((await run(`${what} block of-acme`)).code).toBe(0);
    expect((await run(`${what} show of-acme`)).out).toMatch(/state +blocked\n/);
    expect((await run(`${what} unblock of-acme`)).code).toBe(0);
    expect((await run(`${what} update of-acme --budget 7/day`)).out).toContain('is changed');
    const help = await run(`${what} create --help`);
    expect([help.code, help.out]).toEqual([0, expect.stringContaining(`npm start -- ${what} create --name NAME`)]);
    expect((await run(`${what} delete of-acme`)).code).toBe(0);
  }
  const wrong = await run('user create --name mia --team x');
  expect([wrong.code, wrong.err]).toEqual([
    2,
    'A user does not belong to a team: leave --team out.\nSee npm start -- user create --help\n',
  ]);
  expect((await run('team create')).err).toStartWith('--name is missing: team create --name NAME.');
  expect((await run('organisation delete acme')).code).toBe(0);
});

describe('words', () => {
  const bodyOf = (...args: string[]) => {
    try {
      const command = readAdminCommand('key', args, 1_000);
      return 'body' in command ? command.body : command.help;
    } catch (error) {
      return error instanceof WrongWords ? error.message : error;
    }
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
    [['create', 'a'], 'Its name is given with --name a'],
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
    [['create', '--budgets', '1/day'], 'There is no option --budgets. Did you mean --budget?'],
    [['create', '--name'], '--name needs a value'],
    [['create', '--json=1'], '--json takes no value'],
    [['crate'], 'There is no "key crate". Did you mean key create?'],
    [['fly'], 'Say what to do: key create, list'],
    [['update', 'a'], 'Say what to change'],
    [['update', 'a', '--team', 'b'], '--team is of key create, list, and is never changed'],
    [['show', 'a', '--rpm', '1'], '--rpm is of key create, update'],
    [['list', '--grace', '1d'], '--grace is of key rotate'],
    [['create', '--rpm', 'x'], 'not "x"'],
  ])('%p are wrong: %s', (args, words) => expect(bodyOf(...args)).toContain(words));
});
