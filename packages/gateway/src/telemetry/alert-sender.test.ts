import { afterAll, beforeEach, expect, test } from 'bun:test';
import { createHmac } from 'node:crypto';
import { type Alert, AlertSender } from './alert-sender.ts';

interface Posted {
  readonly signature: string | null;
  readonly text: string;
}

let posted: Posted[] = [];
let statuses: number[] = [];
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  async fetch(request) {
    posted.push({ signature: request.headers.get('x-turnpike-signature'), text: await request.text() });
    return new Response(null, { status: statuses.shift() ?? 204 });
  },
});
afterAll(() => server.stop(true));
beforeEach(() => {
  posted = [];
  statuses = [];
});

const claimed = new Set<string>();
const alert = (id: string): Alert => ({ id, untilMs: 9, body: { type: 'budget.spent', lineUsd: '0.5' } });

function sender(claim = async (name: string) => !claimed.has(name) && Boolean(claimed.add(name))) {
  const waits: number[] = [];
  const warnings: string[] = [];
  const made = new AlertSender({
    log: { warn: (message) => void warnings.push(message) },
    claim,
    now: () => Date.parse('2026-01-02T03:04:05Z'),
    sleep: async (ms) => void waits.push(ms),
  });
  made.configure({ url: `http://127.0.0.1:${server.port}/hook`, secret: 's3cret', headers: {} });
  const until = async (isDone: () => boolean) => {
    for (let tries = 0; !isDone() && tries < 500; tries++) await Bun.sleep(5);
  };
  return { made, waits, warnings, until };
}

test('an alert is posted once by whoever claims it first, signed', async () => {
  const [one, two] = [sender(), sender()];
  one.made.send(alert('a'));
  two.made.send(alert('a'));
  two.made.send(alert('b'));
  await one.until(() => posted.length >= 2);
  await one.made.close();
  await two.made.close();
  expect(posted.map(({ text }) => JSON.parse(text)).sort((x, y) => (x.id < y.id ? -1 : 1))).toEqual([
    { id: 'a', at: '2026-01-02T03:04:05.000Z', type: 'budget.spent', lineUsd: '0.5' },
    { id: 'b', at: '2026-01-02T03:04:05.000Z', type: 'budget.spent', lineUsd: '0.5' },
  ]);
  for (const { text, signature } of posted) {
    expect(signature).toBe(`sha256=${createHmac('sha256', 's3cret').update(text).digest('hex')}`);
  }
});

test('without a database it is posted rather than not', async () => {
  const { made, until } = sender(() => Promise.reject(new Error('away')));
  made.send(alert('c'));
  await until(() => posted.length > 0);
  expect(posted).toHaveLength(1);
  await made.close();
});

test('what is not taken is tried again after growing waits, then left out and told', async () => {
  statuses = [500, 503, 302, 500, 204];
  const { made, until, waits, warnings } = sender();
  made.send(alert('d'));
  made.send(alert('e'));
  await until(() => posted.length >= 5);
  await made.close();
  expect(posted.map(({ text }) => JSON.parse(text).id)).toEqual(['d', 'd', 'd', 'd', 'e']);
  expect(waits).toEqual([1_000, 5_000, 30_000]);
  expect(warnings).toEqual(['An alert could not be sent.']);
});

test('nobody is told when there is no webhook, and no more than a hundred wait', async () => {
  const none = sender();
  none.made.configure(undefined);
  none.made.send(alert('f'));
  await none.made.close();
  expect(claimed.has('alert:f')).toBe(false);
  const stuck = Promise.withResolvers<boolean>();
  const many = sender(() => stuck.promise);
  for (let at = 0; at < 103; at++) many.made.send(alert(`g${at}`));
  expect(many.warnings).toHaveLength(2);
  stuck.resolve(false);
  await many.made.close();
  expect(posted).toEqual([]);
});
