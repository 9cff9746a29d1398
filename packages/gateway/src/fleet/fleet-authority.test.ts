import { describe, expect, test } from 'bun:test';
import { AuthorityUnreachable, type QuotaCall } from '../quota/authority.ts';
import { FleetAuthority } from './fleet-authority.ts';
import { readCall, readReply, writeCall, writeReply } from './quota-message.ts';

let seq = 0;
const place = { segment: 1, offset: 100 };

function callOf(fields: Partial<QuotaCall>): QuotaCall {
  return {
    account: 'b:team:',
    node: 'one',
    seq: ++seq,
    nowMs: Date.now(),
    capacity: 1_000n,
    charges: [],
    giveBack: 0n,
    need: 0n,
    want: 0n,
    recall: false,
    seed: [],
    leaseMs: 45_000,
    ...fields,
  };
}

async function ask(fleet: FleetAuthority, fields: Partial<QuotaCall>, at = place) {
  const call = callOf(fields);
  const [reply] = await fleet.call(call.node, [{ call, place: at }]);
  if (reply === undefined) throw new Error('There was no reply.');
  return reply;
}

describe('what a process that is gone had leased', () => {
  test('stays locked until its journal was read; then what it had spent counts, and the rest is free', async () => {
    const fleet = new FleetAuthority();
    for (const node of ['one', 'two']) fleet.join(node);
    await ask(fleet, { need: 600n });
    await ask(fleet, { charges: [{ amount: 50n, untilMs: 0 }] }, { segment: 2, offset: 7 });
    fleet.leave('one');
    expect(fleet.marksOf('one')).toEqual([{ account: 'b:team:', place: { segment: 2, offset: 7 } }]);
    expect((await ask(fleet, { node: 'two', need: 500n })).granted).toBe(0n);
    fleet.settle('one', [{ account: 'b:team:', charges: [{ amount: 70n, untilMs: 0 }] }]);
    const reply = await ask(fleet, { node: 'two', need: 880n });
    expect(reply).toMatchObject({ granted: 880n, used: 120n, leasedByOthers: 0n });
    expect(fleet.hasOpen).toBe(false);
  });

  test('is settled once, and never by itself', async () => {
    const fleet = new FleetAuthority();
    for (const node of ['one', 'two']) fleet.join(node);
    await ask(fleet, { need: 600n });
    fleet.leave('one');
    const charges = [{ account: 'b:team:', charges: [{ amount: 70n, untilMs: 0 }] }];
    fleet.settle('one', charges);
    fleet.settle('one', charges);
    fleet.settle('two', charges);
    expect((await ask(fleet, { node: 'two' })).used).toBe(70n);
  });

  test('is nothing when it had given everything back, and at once for limits', async () => {
    const fleet = new FleetAuthority();
    for (const node of ['one', 'two']) fleet.join(node);
    await ask(fleet, { need: 600n });
    await ask(fleet, { giveBack: 600n });
    await ask(fleet, { account: 'l:rpm:', need: 600n });
    fleet.leave('one');
    expect([fleet.hasOpen, fleet.marksOf('one')]).toEqual([false, undefined]);
    expect((await ask(fleet, { account: 'l:rpm:', node: 'two', need: 1_000n })).granted).toBe(1_000n);
  });
});

test('a process that counts as gone is not heard', async () => {
  const fleet = new FleetAuthority();
  fleet.join('one');
  await ask(fleet, { need: 600n });
  fleet.leave('one');
  expect(ask(fleet, { charges: [{ amount: 1n, untilMs: 0 }] })).rejects.toBeInstanceOf(AuthorityUnreachable);
});

test('what is entered by hand comes under its own name, and leases nothing', async () => {
  const fleet = new FleetAuthority();
  fleet.join('one');
  const call = callOf({ node: 'entry:adj_1', seq: 1, charges: [{ amount: 30n, untilMs: 0 }] });
  for (let times = 0; times < 2; times++) await fleet.call('one', [{ call, place }]);
  fleet.leave('one');
  fleet.join('two');
  expect((await ask(fleet, { node: 'two' })).used).toBe(30n);
  expect(fleet.hasOpen).toBe(false);
});

test('calls and replies survive their way through JSON, beyond 2^53 too', async () => {
  const big = 9_223_372_036_854_775_807n;
  const call = callOf({ capacity: big, charges: [{ amount: -big, untilMs: 1 }], need: 1n, want: big, recall: true });
  for (const one of [call, { ...call, seed: undefined }, { ...call, asides: [2n, big] }]) {
    expect(readCall(JSON.parse(JSON.stringify(writeCall(one, place))))).toEqual({ call: one, place });
  }
  const reply = { isUnknown: false, epoch: 'e', granted: big, lease: big, used: -big, leasedByOthers: 0n };
  const whole = { ...reply, otherNodes: 3, fitsAtMs: 17 };
  for (const one of [whole, { ...whole, asidesFitAtMs: [18, 0] }]) {
    expect(readReply(JSON.parse(JSON.stringify(writeReply(one))))).toEqual(one);
  }
});
