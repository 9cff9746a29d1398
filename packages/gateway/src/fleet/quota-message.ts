import type { QuotaCall, QuotaCharge, QuotaReply } from '../quota/authority.ts';
import type { JournalPlace } from './seat.ts';

/** Amounts as decimal digits: JSON's numbers end at 2^53. */
type WrittenCharges = readonly (readonly [amount: string, untilMs: number])[];

/** A call, with the place of the sender's journal. */
export type WrittenCall = readonly [
  account: string,
  node: string,
  seq: number,
  nowMs: number,
  capacity: string,
  charges: WrittenCharges,
  giveBack: string,
  need: string,
  want: string,
  recall: boolean,
  seed: WrittenCharges | null,
  leaseMs: number,
  segment: number,
  offset: number,
  asides: readonly string[] | null,
];

export type WrittenReply = readonly [
  isUnknown: boolean,
  epoch: string,
  granted: string,
  lease: string,
  used: string,
  leasedByOthers: string,
  otherNodes: number,
  fitsAtMs: number,
  asidesFitAtMs: readonly number[] | null,
];

export function writeCall(call: QuotaCall, { segment, offset }: JournalPlace): WrittenCall {
  return [
    call.account,
    call.node,
    call.seq,
    call.nowMs,
    String(call.capacity),
    writeCharges(call.charges),
    String(call.giveBack),
    String(call.need),
    String(call.want),
    call.recall,
    call.seed === undefined ? null : writeCharges(call.seed),
    call.leaseMs,
    segment,
    offset,
    call.asides?.map(String) ?? null,
  ];
}

export function readCall(written: WrittenCall): { call: QuotaCall; place: JournalPlace } {
  const [account, node, seq, nowMs, capacity, charges, giveBack, need, want, recall, seed, leaseMs, ...rest] = written;
  const [segment, offset, asides] = rest;
  const call = {
    account,
    node,
    seq,
    nowMs,
    capacity: BigInt(capacity),
    charges: readCharges(charges),
    giveBack: BigInt(giveBack),
    need: BigInt(need),
    want: BigInt(want),
    ...(asides !== null && { asides: asides.map(BigInt) }),
    recall,
    seed: seed === null ? undefined : readCharges(seed),
    leaseMs,
  };
  return { call, place: { segment, offset } };
}

export function writeReply(reply: QuotaReply): WrittenReply {
  const { isUnknown, epoch, granted, lease, used, leasedByOthers, otherNodes, fitsAtMs, asidesFitAtMs = null } = reply;
  const amounts = [`${granted}`, `${lease}`, `${used}`, `${leasedByOthers}`] as const;
  return [isUnknown, epoch, ...amounts, otherNodes, fitsAtMs, asidesFitAtMs];
}

export function readReply(written: WrittenReply): QuotaReply {
  const [isUnknown, epoch, granted, lease, used, leasedByOthers, otherNodes, fitsAtMs, asidesFitAtMs] = written;
  return {
    isUnknown,
    epoch,
    granted: BigInt(granted),
    lease: BigInt(lease),
    used: BigInt(used),
    leasedByOthers: BigInt(leasedByOthers),
    otherNodes,
    fitsAtMs,
    ...(asidesFitAtMs !== null && { asidesFitAtMs }),
  };
}

export function writeCharges(charges: readonly QuotaCharge[]): WrittenCharges {
  return charges.map(({ amount, untilMs }) => [String(amount), untilMs]);
}

export function readCharges(written: WrittenCharges): QuotaCharge[] {
  return written.map(([amount, untilMs]) => ({ amount: BigInt(amount), untilMs }));
}
