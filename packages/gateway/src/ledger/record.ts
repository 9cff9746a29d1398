import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Price } from '../catalog/price.ts';
import type { Markup } from '../config/markup-rule.ts';
import { crc32Hex } from '../runtime/journal-disk.ts';
import type { LedgerEntry } from './entry.ts';
import { markupJson, readWrittenMarkup, upliftOf, type WrittenMarkup } from './uplift.ts';

/**
 * The lines of a journal: `<crc32 of the JSON, 8 hex digits> <JSON>\n`. Lines, so that a reader finds its way again after
 * damage; JSON never holds a line feed. An intent and a settlement each say everything about their attempt, so that one
 * of the two is enough to enter it.
 */
export type JournalRecord =
  | { readonly type: 'header'; readonly version: number }
  | {
      readonly type: 'intent';
      readonly about: AttemptLabels;
      readonly inputTokens: number;
      readonly price: Price | undefined;
    }
  | {
      readonly type: 'progress';
      readonly id: string;
      readonly atMs: number;
      readonly usage: Usage;
    }
  | { readonly type: 'settle'; readonly entry: LedgerEntry };

/** What is known of an attempt before it is sent. */
export interface AttemptLabels {
  readonly id: string;
  readonly atMs: number;
  readonly exchangeId: string;
  readonly attempt: number;
  readonly scopes: readonly string[];
  readonly model: string;
  readonly provider: string;
  readonly endpoint: string;
  readonly modelServed: string;
  readonly paidBy?: string | undefined;
  /** By which it will be charged. */
  readonly markup?: Markup | undefined;
}

export const JOURNAL_VERSION = 1;

export function headerJson(): string {
  return JSON.stringify({ t: 'h', v: JOURNAL_VERSION });
}

/** The fields both records of an attempt begin with, without braces: written once per attempt. */
export function labelsJson(labels: AttemptLabels): string {
  const { id, atMs, exchangeId, attempt } = labels;
  return `"id":${quoted(id)},"at":${atMs},"x":${quoted(exchangeId)},"n":${attempt},${sharedJson(labels)}`;
}

const NEEDS_ESCAPES = /[^\x20\x21\x23-\x5b\x5d-\x7e]/;

function quoted(text: string): string {
  return NEEDS_ESCAPES.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** What attempts have in common: most of a caller's share one list of scopes, and follow others at the same endpoint. */
type SharedLabels = Pick<
  AttemptLabels,
  'scopes' | 'model' | 'provider' | 'endpoint' | 'modelServed' | 'paidBy' | 'markup'
>;
const lastTexts = new WeakMap<readonly string[], { of: SharedLabels; text: string }>();

function sharedJson(labels: SharedLabels): string {
  const { scopes, model, provider, endpoint, modelServed, paidBy, markup } = labels;
  const last = lastTexts.get(scopes);
  if (
    last !== undefined &&
    last.of.model === model &&
    last.of.provider === provider &&
    last.of.endpoint === endpoint &&
    last.of.modelServed === modelServed &&
    last.of.paidBy === paidBy &&
    last.of.markup === markup
  ) {
    return last.text;
  }
  let text =
    `"s":${JSON.stringify(scopes)},"m":${quoted(model)},"p":${quoted(provider)},` +
    `"e":${quoted(endpoint)},"ms":${quoted(modelServed)}`;
  if (paidBy !== undefined) text += `,"pb":${quoted(paidBy)}`;
  if (markup !== undefined) text += `,"mu":${markupJson(markup)}`;
  lastTexts.set(scopes, { of: { scopes, model, provider, endpoint, modelServed, paidBy, markup }, text });
  return text;
}

export function intentJson(labels: string, inputTokens: number, price: Price | undefined): string {
  return `{"t":"i",${labels},"in":${inputTokens},"$":${price === undefined ? 'null' : priceJson(price)}}`;
}

export function progressJson(id: string, atMs: number, usage: Usage): string {
  return `{"t":"p","id":${quoted(id)},"at":${atMs},"u":${usageJson(usage)}}`;
}

/** How an attempt ended. */
export interface Settlement {
  readonly settledAtMs: number;
  readonly fault: string | undefined;
  readonly usage: Usage | undefined;
  readonly costNanoUsd: bigint | undefined;
  readonly uncovered: readonly string[];
  readonly isEstimated: boolean;
  readonly ownCostNanoUsd?: bigint | undefined;
}

export function settleJson(labels: string, end: Settlement): string {
  const cost = end.costNanoUsd === undefined ? 'null' : `"${end.costNanoUsd}"`;
  let json = `{"t":"s",${labels},"end":${end.settledAtMs},"u":${usageJson(end.usage)},"c":${cost}`;
  if (end.fault !== undefined) json += `,"f":${JSON.stringify(end.fault)}`;
  if (end.uncovered.length > 0) json += `,"o":${JSON.stringify(end.uncovered)}`;
  if (end.isEstimated) json += ',"est":1';
  if (end.ownCostNanoUsd !== undefined) json += `,"oc":"${end.ownCostNanoUsd}"`;
  return `${json}}`;
}

/** The raw object stays in the log of exchanges: it is large, and the ledger's figures are read from it already. */
function figuresOf(usage: Usage | undefined): Usage {
  if (usage?.raw === undefined) return usage ?? {};
  const { raw: _, ...figures } = usage;
  return figures;
}

export function usageJson(usage: Usage | undefined): string {
  return usage === undefined ? '{}' : JSON.stringify(figuresOf(usage));
}

/** Prices live as long as the configuration, so each is written out once. */
const priceTexts = new WeakMap<Price, string>();

function priceJson(price: Price): string {
  let text = priceTexts.get(price);
  if (text === undefined) {
    text = JSON.stringify(price, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
    priceTexts.set(price, text);
  }
  return text;
}

/** What stands in a piece of a journal that begins with a line. */
export interface ReadLines {
  readonly records: JournalRecord[];
  /** Where each record ends, in bytes from the start of the piece. */
  readonly ends: number[];
  /** Bytes up to the end of the last complete line. */
  readonly consumed: number;
  /** Complete lines that are damaged or foreign. */
  readonly damaged: number;
}

const LINE_FEED = 10;
const CRC_CHARS = 8;
const decoder = new TextDecoder();

/** Where the letter of a record's type stands in its line: behind the checksum and `{"t":"`. */
const TYPE_AT = CRC_CHARS + 7;
const SETTLE_LETTER = 's'.charCodeAt(0);

/**
 * Reads every complete line; an incomplete last one is left alone. Never throws, whatever the bytes.
 *
 * @param only `settle` passes over all other records unread: shipping needs no more, and they are half of the work.
 */
export function readLines(bytes: Uint8Array, only?: 'settle'): ReadLines {
  const records: JournalRecord[] = [];
  const ends: number[] = [];
  let damaged = 0;
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    const isPassedOver = only === 'settle' && end - start > TYPE_AT && bytes[start + TYPE_AT] !== SETTLE_LETTER;
    const record = isPassedOver ? undefined : readLine(bytes.subarray(start, end));
    start = end + 1;
    if (record === 'damaged') damaged++;
    else if (record !== undefined) {
      records.push(record);
      ends.push(start);
    }
  }
  return { records, ends, consumed: start, damaged };
}

/** Undefined for an empty line: one is put where a write had failed half-way. */
function readLine(line: Uint8Array): JournalRecord | 'damaged' | undefined {
  if (line.length === 0) return undefined;
  const json = line.subarray(CRC_CHARS + 1);
  if (json.length === 0 || decoder.decode(line.subarray(0, CRC_CHARS)) !== crc32Hex(json)) return 'damaged';
  try {
    return recordOf(JSON.parse(decoder.decode(json)) as WrittenFields) ?? 'damaged';
  } catch {
    // With a right checksum and yet unreadable: written by something else.
    return 'damaged';
  }
}

/** As written above, by ourselves: the checksum vouches for it. */
interface WrittenFields {
  t: 'h' | 'i' | 'p' | 's';
  v: number;
  id: string;
  at: number;
  x: string;
  n: number;
  s: string[];
  m: string;
  p: string;
  e: string;
  ms: string;
  pb?: string;
  mu?: WrittenMarkup;
  in: number;
  $: WrittenPrice | null;
  u: Usage;
  c: string | null;
  end: number;
  f?: string;
  o?: string[];
  est?: 1;
  oc?: string;
}

function recordOf(fields: WrittenFields): JournalRecord | undefined {
  switch (fields.t) {
    case 'h':
      return { type: 'header', version: fields.v };
    case 'i':
      return { type: 'intent', about: labelsOf(fields), inputTokens: fields.in, price: readPrice(fields.$) };
    case 'p':
      return { type: 'progress', id: fields.id, atMs: fields.at, usage: fields.u };
    case 's':
      return {
        type: 'settle',
        entry: attemptEntry(labelsOf(fields), {
          settledAtMs: fields.end,
          fault: fields.f,
          usage: fields.u,
          costNanoUsd: fields.c === null ? undefined : BigInt(fields.c),
          uncovered: fields.o ?? [],
          isEstimated: fields.est === 1,
          ownCostNanoUsd: fields.oc === undefined ? undefined : BigInt(fields.oc),
        }),
      };
    default:
      return undefined;
  }
}

function labelsOf(fields: WrittenFields): AttemptLabels {
  return {
    id: fields.id,
    atMs: fields.at,
    exchangeId: fields.x,
    attempt: fields.n,
    scopes: fields.s,
    model: fields.m,
    provider: fields.p,
    endpoint: fields.e,
    modelServed: fields.ms,
    paidBy: fields.pb,
    ...(fields.mu !== undefined && { markup: readWrittenMarkup(fields.mu) }),
  };
}

export function attemptEntry(labels: AttemptLabels, end: Settlement): LedgerEntry {
  const { markup } = labels;
  // Each field by its name: spreading two objects took several times as long.
  return {
    id: labels.id,
    kind: 'attempt',
    atMs: labels.atMs,
    settledAtMs: end.settledAtMs,
    exchangeId: labels.exchangeId,
    attempt: labels.attempt,
    scopes: labels.scopes,
    model: labels.model,
    provider: labels.provider,
    endpoint: labels.endpoint,
    modelServed: labels.modelServed,
    fault: end.fault,
    usage: figuresOf(end.usage),
    costNanoUsd: end.costNanoUsd,
    uncovered: end.uncovered,
    isEstimated: end.isEstimated,
    corrects: undefined,
    note: undefined,
    paidBy: labels.paidBy,
    ownCostNanoUsd: end.ownCostNanoUsd,
    markup,
    upliftNanoUsd: markup && upliftOf(markup, end.costNanoUsd, end.fault === undefined),
  };
}

type Digits<T> = { [K in keyof T]: string };
interface WrittenPrice extends Digits<Omit<Price, 'source' | 'tiers' | 'serverToolCalls'>> {
  source: string;
  serverToolCalls?: Record<string, string>;
  tiers?: { aboveInputTokens: number; price: WrittenPrice }[];
}

/** Amounts are written as digits, since JSON's numbers end at 2^53. */
function readPrice(written: WrittenPrice | null): Price | undefined {
  if (written === null) return undefined;
  const { source, serverToolCalls, tiers, ...rates } = written;
  const price = { ...amounts(rates), source } as Price;
  if (serverToolCalls !== undefined) price.serverToolCalls = amounts(serverToolCalls);
  if (tiers !== undefined) {
    price.tiers = tiers.flatMap((tier) => {
      const inner = readPrice(tier.price);
      return inner === undefined ? [] : [{ aboveInputTokens: tier.aboveInputTokens, price: inner }];
    });
  }
  return price;
}

function amounts(written: object): Record<string, bigint> {
  return Object.fromEntries(Object.entries(written).map(([name, digits]) => [name, BigInt(String(digits))]));
}
