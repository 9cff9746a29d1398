import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';
import { openApiPath, openApiText } from './generate-openapi.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
});
afterAll(() => admin.house.stop());

let count = 0;
const fresh = (stem: string) => `${stem}-${++count}`;

test('docs/openapi.json is what the operations say (after a change: bun run …/admin/generate-openapi.ts)', async () => {
  expect(await Bun.file(openApiPath).json()).toEqual(JSON.parse(openApiText()));
});

describe('entities', () => {
  const plain = ['organisations', 'teams', 'users', 'service-accounts', 'projects'];
  test.each([...plain, 'model-groups'])('%s are made, shown, listed, changed and deleted', async (path) => {
    const name = fresh('e');
    const rest = path === 'model-groups' ? { models: ['gpt-*'] } : { policy: { models: ['gpt-*'] } };
    const made = await admin.call('POST', `/${path}`, { name, description: 'first', ...rest });
    expect(made).toMatchObject({ status: 201, body: { name, description: 'first', version: 1, ...rest } });
    const { id } = made.body;
    expect(made.headers.get('etag')).toBe('"1"');
    expect((await admin.call('GET', `/${path}/${id}`)).body).toEqual(made.body);
    expect((await admin.call('GET', `/${path}/${name}`)).body).toEqual(made.body);
    expect((await admin.call('GET', `/${path}?name=${name}`)).body.data).toEqual([made.body]);
    const changed = await admin.call('PATCH', `/${path}/${id}`, { description: null });
    expect(changed).toMatchObject({ status: 200, body: { version: 2, ...rest } });
    expect(changed.body).not.toHaveProperty('description');
    expect((await admin.call('DELETE', `/${path}/${id}`)).status).toBe(204);
    expect((await admin.call('GET', `/${path}/${id}`)).body.error.code).toBe('record_unknown');
  });

  test('memberships are of a user in a team or an organisation, once each', async () => {
    const [user, team] = [fresh('user'), fresh('team')];
    await admin.call('POST', '/users', { name: user });
    await admin.call('POST', '/teams', { name: team });
    const made = await admin.call('POST', '/memberships', { userId: user, teamId: team, role: 'viewer' });
    expect(made).toMatchObject({ status: 201, body: { role: 'viewer' } });
    expect((await admin.call('POST', '/memberships', { userId: user, teamId: team, role: 'admin' })).status).toBe(409);
    expect((await admin.call('POST', '/memberships', { userId: user, role: 'admin' })).body.error.field).toBe('teamId');
    const changed = await admin.call('PATCH', `/memberships/${made.body.id}`, { role: 'admin' });
    expect(changed.body.role).toBe('admin');
  });

  test('belong together: what contradicts is refused, what follows is filled in', async () => {
    const [a, b, team, user] = [fresh('org'), fresh('org'), fresh('team'), fresh('user')];
    const orgA = await admin.call('POST', '/organisations', { name: a });
    await admin.call('POST', '/organisations', { name: b });
    const made = await admin.call('POST', '/teams', { name: team, organisationId: a });
    await admin.call('POST', '/users', { name: user, organisationId: b });
    const project = await admin.call('POST', '/projects', { name: fresh('project'), teamId: team });
    expect(project.body).toMatchObject({ organisationId: orgA.body.id, teamId: made.body.id });
    const key = await admin.call('POST', '/keys', { name: fresh('key'), projectId: project.body.id });
    expect(key.body).toMatchObject({ organisationId: orgA.body.id, teamId: made.body.id, projectId: project.body.id });
    for (const fields of [
      { teamId: team, organisationId: b },
      { teamId: team, userId: user },
    ]) {
      const refused = await admin.call('POST', '/keys', { name: fresh('key'), ...fields });
      expect([refused.status, refused.body.error.code]).toEqual([409, 'record_conflict']);
    }
    const unknown = await admin.call('POST', '/keys', { name: fresh('key'), teamId: 'nowhere' });
    expect(unknown.body.error).toMatchObject({ code: 'body_invalid', field: 'teamId' });
    const refused = await admin.call('DELETE', `/organisations/${a}`);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'record_conflict']);
  });

  test('have names that are unique among their kind', async () => {
    const name = fresh('twice');
    expect((await admin.call('POST', '/teams', { name })).status).toBe(201);
    expect((await admin.call('POST', '/teams', { name })).body.error).toMatchObject({
      code: 'record_conflict',
      field: 'name',
    });
    expect((await admin.call('POST', '/users', { name })).status).toBe(201);
    expect((await admin.call('POST', '/keys', { name: 'admin' })).status).toBe(409);
  });
});

describe('what is wrong with a request is told', () => {
  test.each([
    ['/keys', {}, 'name'],
    ['/keys', { name: 'a b' }, 'name'],
    ['/keys', { name: 'team_01m7xrq9stwrywtn37fjpz81s6' }, 'name'],
    ['/keys', { name: 'x', polcy: {} }, 'polcy'],
    ['/keys', { name: 'x', policy: { models: 'gpt' } }, 'policy.models'],
    ['/keys', { name: 'x', policy: { models: ['a', 7] } }, 'policy.models[1]'],
    ['/keys', { name: 'x', policy: { models: ['*a*b*c*d*'] } }, 'policy.models[0]'],
    ['/keys', { name: 'x', policy: { ipAllow: ['10.0.0.0/33'] } }, 'policy.ipAllow[0]'],
    ['/keys', { name: 'x', policy: { outputTokensMax: 0 } }, 'policy.outputTokensMax'],
    ['/keys', { name: 'x', adminScopes: ['everything'] }, 'adminScopes[0]'],
    ['/keys', { name: 'x', key: 'short' }, 'key'],
    ['/keys', { name: 'x', sha256: 'ABC' }, 'sha256'],
    ['/keys', { name: 'x', key: 'a-key-of-twenty-characters', sha256: 'a'.repeat(64) }, 'sha256'],
    ['/memberships', { userId: 'x', role: 'king' }, 'role'],
  ])('%s %p: %s', async (path, body, field) => {
    const refused = await admin.call('POST', path, body);
    expect(refused.status).toBe(400);
    expect(refused.body.error).toMatchObject({ code: 'body_invalid', field });
    expect(refused.body.error.message).not.toBe('');
  });

  test.each([
    ['{"name": "x", "name": "y"}', 400, 'body_ambiguous'],
    ['{"name": ', 400, 'body_malformed'],
    ['[]', 400, 'body_malformed'],
    [`{"name": "${'x'.repeat(300_000)}"}`, 413, 'body_too_large'],
    [`{"name": ${'['.repeat(20)}${']'.repeat(20)}}`, 400, 'body_too_deep'],
  ])('%.30s', async (body, status, code) => {
    const refused = await admin.call('POST', '/teams', body);
    expect([refused.status, refused.body.error.code]).toEqual([status, code]);
  });

  test('a body without an announced length is bounded too', async () => {
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
      },
    });
    const response = await fetch(`${admin.house.gateway.url}/admin/api/v1/teams`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk-test-admin-0123456789' },
      body: stream,
    });
    expect(response.status).toBe(413);
  });

  test('paths, methods and queries', async () => {
    expect((await admin.call('GET', '/nothing')).body.error.code).toBe('route_unknown');
    expect((await admin.call('PUT', '/teams', {})).body.error.code).toBe('method_not_allowed');
    expect((await admin.call('GET', '/teams?limit=0')).body.error.field).toBe('limit');
    expect((await admin.call('GET', '/teams?colour=red')).body.error.field).toBe('colour');
  });
});

describe('lists', () => {
  test('are cut into pages without gap or repetition', async () => {
    const organisationId = fresh('org');
    await admin.call('POST', '/organisations', { name: organisationId });
    const names = Array.from({ length: 7 }, () => fresh('paged'));
    for (const name of names) await admin.call('POST', '/teams', { name, organisationId });
    const { id } = (await admin.call('GET', `/organisations/${organisationId}`)).body;
    const seen: unknown[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await admin.call('GET', `/teams?organisationId=${id}&limit=3&cursor=${cursor}`);
      seen.push(...page.body.data.map(({ name }) => name));
      cursor = page.body.nextCursor;
    }
    // Ids sort by the millisecond; within one, in any order, but always the same.
    expect(seen.toSorted()).toEqual(names.toSorted());
  });
});

describe('a request that comes again', () => {
  const headers = (key: string) => ({ headers: { 'idempotency-key': key } });

  test('is done once, and answered the same but for the key itself', async () => {
    const name = fresh('again');
    const first = await admin.call('POST', '/keys', { name }, headers('again'));
    const second = await admin.call('POST', '/keys', { name }, headers('again'));
    const { key, ...rest } = first.body;
    expect(key).toStartWith('sk-tp-');
    expect([second.status, second.body]).toEqual([201, rest as typeof second.body]);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
  });

  test('at the same time is done once', async () => {
    const name = fresh('same');
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => admin.call('POST', '/teams', { name }, headers('same-time'))),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
  });

  test('with other content is refused', async () => {
    await admin.call('POST', '/teams', { name: fresh('t') }, headers('other'));
    const refused = await admin.call('POST', '/teams', { name: fresh('t') }, headers('other'));
    expect([refused.status, refused.body.error.code]).toEqual([422, 'idempotency_mismatch']);
  });
});

describe('changes at the same time', () => {
  test('of one version: one is done, the others are told', async () => {
    const { id } = (await admin.call('POST', '/teams', { name: fresh('raced') })).body;
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((description) =>
        admin.call('PATCH', `/teams/${id}`, { description }, { headers: { 'if-match': '"1"' } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
    expect(answers.find(({ status }) => status === 412)?.body.error.code).toBe('version_conflict');
  });

  test('of different things: all are done, one after the other in the audit log', async () => {
    const names = Array.from({ length: 25 }, () => fresh('many'));
    const answers = await Promise.all(names.map((name) => admin.call('POST', '/teams', { name })));
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect((await admin.call('GET', '/audit/verify')).body).toMatchObject({ isIntact: true });
  });

  test('of one name: one is done', async () => {
    const name = fresh('wanted');
    const answers = await Promise.all(Array.from({ length: 6 }, () => admin.call('POST', '/teams', { name })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test('an ETag that is none is refused', async () => {
    const { id } = (await admin.call('POST', '/teams', { name: fresh('t') })).body;
    const refused = await admin.call('PATCH', `/teams/${id}`, {}, { headers: { 'if-match': 'W/"x"' } });
    expect(refused.body.error.field).toBe('If-Match');
  });
});

describe('the gateway itself', () => {
  test('logs are listed by what they say, in pages', async () => {
    const key = await admin.newKey({ name: 'logged', policy: { models: ['chat'] } });
    for (const model of ['chat', 'claude', 'chat']) {
      await admin.chat(key, model);
      await Bun.sleep(2); // Ids sort by the millisecond.
    }
    // The row of an exchange is settled after its last byte.
    let all = await admin.call('GET', '/logs?key=logged');
    for (let tries = 0; all.body.data.length < 3 && tries < 100; tries++) {
      await Bun.sleep(10);
      all = await admin.call('GET', '/logs?key=logged');
    }
    expect(all.body.data.map(({ modelAsked, status }) => [modelAsked, status])).toEqual([
      ['chat', 200],
      ['claude', 403],
      ['chat', 200],
    ]);
    expect((await admin.call('GET', '/logs?key=logged&status=403')).body.data).toHaveLength(1);
    expect((await admin.call('GET', '/logs?key=logged&fault=model_forbidden')).body.data).toHaveLength(1);
    expect((await admin.call('GET', '/logs?key=logged&model=claude&provider=openai')).body.data).toHaveLength(0);
    expect((await admin.call('GET', `/logs?key=logged&sinceMs=${Date.now() + 1_000}`)).body.data).toHaveLength(0);
    const first = await admin.call('GET', '/logs?key=logged&limit=2');
    const rest = await admin.call('GET', `/logs?key=logged&limit=2&cursor=${first.body.nextCursor}`);
    expect([...first.body.data, ...rest.body.data]).toEqual([...all.body.data]);
    expect(rest.body.nextCursor).toBeNull();
    const [one] = all.body.data;
    expect((await admin.call('GET', `/logs/${one?.id}`)).body).toEqual(one as typeof rest.body);
    expect(one?.costNanoUsd).toMatch(/^[0-9]+$/);
    expect((await admin.call('GET', '/logs/tp_none')).status).toBe(404);
  });

  test('models, endpoints and state', async () => {
    const models = (await admin.call('GET', '/served-models')).body.data.map(({ id }) => id);
    expect(models).toEqual(expect.arrayContaining(['chat', 'claude', 'either']));
    const endpoints = await admin.call('GET', '/endpoints');
    expect(endpoints.body.data.map(({ id }) => id)).toContain('second');
    expect(endpoints.text).not.toContain('sk-upstream');
    expect((await admin.call('GET', '/info')).body).toMatchObject({ caller: { name: 'admin' } });
  });
});
