/**
 * Keys over two gateways on one database, and what other gateways are known to get wrong about them: cached keys that
 * outlive a change, or bring an older state back.
 */
import { beforeAll, describe, expect, test } from 'bun:test';
import { type AskOptions, type House, onEachStore } from './house.ts';

const up = { provider: 'up-openai-chat' };
const models = ['alpha', 'beta'].map((name) => ({ name, endpoints: [{ ...up, model: name }] }));
const BOTH = [0, 1];

/** A key that both gateways know, and what is done with it. */
class Subject {
  readonly #house: House;
  readonly name: string;
  readonly team: string;
  secret: string;

  constructor(house: House, { name, key, team }: { name: string; key: string; team: string }) {
    this.#house = house;
    this.name = name;
    this.secret = key;
    this.team = team;
  }

  static async make(house: House, fields: object = {}): Promise<Subject> {
    const team = house.fresh('web');
    await house.admin('POST', '/teams', { name: team });
    const subject = new Subject(house, { ...(await house.newKey({ teamId: team, ...fields })), team });
    await subject.becomes(200);
    return subject;
  }

  ask(at: number, model = 'alpha', more: AskOptions = {}) {
    return this.#house.ask(this.secret, { model, at, ...more });
  }

  /** Calls are answered so by both, no later than a change may take. */
  async becomes(status: number, model = 'alpha', more: AskOptions = {}): Promise<void> {
    await Promise.all(BOTH.map((at) => this.#house.becomes(status, this.secret, { model, at, ...more })));
  }

  /** Traffic on both, so that every cache there is has the key, while something is changed. */
  async underTraffic(change: () => Promise<unknown>): Promise<void> {
    let isOver = false;
    const traffic = BOTH.map(async (at) => {
      while (!isOver) {
        await this.ask(at);
        await Bun.sleep(3);
      }
    });
    await Bun.sleep(30);
    await change();
    await Bun.sleep(150);
    isOver = true;
    await Promise.all(traffic);
  }
}

onEachStore({ gateways: 2, models }, (house) => {
  beforeAll(() => house().answers(5));
  const change = (path: string, fields: object) => house().admin('PATCH', path, fields);
  const make = (fields?: object) => Subject.make(house(), fields);

  // Each has a key of its own, and most of their time they wait for the other gateway to look.
  test.concurrent('a blocked key is refused by the gateway that did not block it, too', async () => {
    const subject = await make();
    await subject.underTraffic(() => house().admin('POST', `/keys/${subject.name}/block`));
    expect((await subject.ask(0)).status).toBe(403);
    await subject.becomes(403);
    await house().admin('POST', `/keys/${subject.name}/unblock`);
    await subject.becomes(200);
  });

  test.concurrent('accounting for traffic never brings an older state of a key back', async () => {
    const subject = await make();
    await subject.underTraffic(() => change(`/keys/${subject.name}`, { policy: { models: ['beta'] } }));
    await subject.becomes(403, 'alpha');
    await house().spent('all');
    for (const at of BOTH) {
      expect([(await subject.ask(at, 'alpha')).status, (await subject.ask(at, 'beta')).status]).toEqual([403, 200]);
    }
    expect((await house().admin('GET', `/keys/${subject.name}`)).policy).toEqual({ models: ['beta'] });
  });

  test.concurrent('a narrower list of models of a team holds for its keys at once', async () => {
    const subject = await make();
    await subject.underTraffic(() => change(`/teams/${subject.team}`, { policy: { models: ['beta'] } }));
    await subject.becomes(403, 'alpha');
    await subject.becomes(200, 'beta');
  });

  test.concurrent('and so does one of a group of models that it refers to', async () => {
    const group = house().fresh('group');
    await house().admin('POST', '/model-groups', { name: group, models: ['alpha'] });
    const subject = await make({ policy: { modelGroups: [group] } });
    await subject.underTraffic(() => change(`/model-groups/${group}`, { models: ['beta'] }));
    await subject.becomes(403, 'alpha');
    await subject.becomes(200, 'beta');
  });

  const above = { organisation: 'organisationId', team: 'teamId', project: 'projectId', user: 'userId' } as const;
  test.concurrent.each([...Object.entries(above), ['service-account', 'serviceAccountId']])(
    'a blocked %s takes its keys along',
    async (kind, field) => {
      const name = house().fresh(kind);
      await house().admin('POST', `/${kind}s`, { name });
      const subject = await make({ teamId: undefined, [field]: name });
      await subject.underTraffic(() => change(`/${kind}s/${name}`, { isBlocked: true }));
      await subject.becomes(403);
      await change(`/${kind}s/${name}`, { isBlocked: false });
      await subject.becomes(200);
    },
  );

  test.concurrent('a blocked end user is refused under every key, on every gateway', async () => {
    const user = house().fresh('end');
    const options = { fields: { user } };
    const subject = await make();
    const { id } = await house().admin('POST', '/end-users', { name: user });
    await subject.becomes(200, 'alpha', options);
    await change(`/end-users/${id}`, { isBlocked: true });
    await subject.becomes(403, 'alpha', options);
    await subject.becomes(200);
  });

  test.concurrent('no team is deleted from under keys that go on working', async () => {
    const subject = await make();
    await expect(house().admin('DELETE', `/teams/${subject.team}`)).rejects.toThrow('409');
    await subject.underTraffic(() => house().admin('DELETE', `/keys/${subject.name}`));
    await house().admin('DELETE', `/teams/${subject.team}`);
    await subject.becomes(401);
  });

  test.concurrent('a rotated key is replaced everywhere; the old one ends with its grace', async () => {
    const subject = await make();
    const old = subject.secret;
    const graceMs = 2_000;
    const { key } = await house().admin('POST', `/keys/${subject.name}/rotate`, { graceMs });
    const graceUntilMs = Date.now() + graceMs;
    for (subject.secret of [key, old]) await subject.becomes(200);
    while (Date.now() <= graceUntilMs) await Bun.sleep(10);
    await subject.becomes(401);
    subject.secret = key;
    await subject.becomes(200);
  });

  test.concurrent('a key that was asked for before it was made is not taken for unknown afterwards', async () => {
    const subject = await make();
    subject.secret = `sk-brought-along-${subject.name}-0123456789`;
    await subject.becomes(401);
    await house().newKey({ key: subject.secret });
    await subject.becomes(200);
  });

  test.concurrent('a budget or a limit that is raised, lowered or taken away is in force everywhere', async () => {
    const subject = await make();
    const path = `/keys/${subject.name}`;
    await change(path, { budgets: [{ amount: 0, per: 'day' }] });
    await subject.becomes(402, 'chat');
    await change(path, { budgets: [{ amount: 100, per: 'day' }] });
    await subject.becomes(200, 'chat');
    await change(path, { limits: [{ tokens: 1, per: 'minute' }] });
    await subject.becomes(429, 'chat');
    await change(path, { limits: null, budgets: null });
    await subject.becomes(200, 'chat');
  });

  test.concurrent('an end that is set is kept to the millisecond, and one that has passed at once', async () => {
    const subject = await make();
    const path = `/keys/${subject.name}`;
    const endMs = Date.now() + 2_000;
    await change(path, { policy: { expiresAtMs: endMs } });
    while (Date.now() < endMs) {
      const begunMs = Date.now();
      const { status } = await subject.ask(1);
      if (Date.now() < endMs) expect([begunMs, status]).toEqual([begunMs, 200]);
      await Bun.sleep(10);
    }
    for (const at of BOTH) expect((await subject.ask(at)).status).toBe(401);
    await change(path, { policy: {} });
    await subject.becomes(200);
    await change(path, { policy: { expiresAtMs: 1 } });
    await subject.becomes(401);
  });

  describe('what is sent as a key', () => {
    test.each([
      "' OR '1'='1",
      "sk-' UNION SELECT digest FROM entity --",
      'sk-"; DROP TABLE entity; --',
      `sk-${'x'.repeat(4_000)}`.slice(0, 3_000),
      '%00%27',
      '__proto__',
    ])('is no statement and no name of anything: %#', async (text) => {
      const ways: Record<string, string>[] = [{ authorization: `Bearer ${text}` }, { 'x-api-key': text }];
      for (const headers of ways) {
        const response = await fetch(`${house().gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers,
          body: '{}',
        });
        expect([response.status, (await response.text()).includes(text)]).toEqual([401, false]);
      }
      expect((await house().ask((await house().newKey()).key)).status).toBe(200);
    });
  });
});
