import type { Usage } from '@turnpike/wire/canon/usage.ts';
import { type LedgerEntry, type RollupScopes, rollupScopes } from '../ledger/entry.ts';
import { markupJson, readWrittenMarkup, type WrittenMarkup } from '../ledger/uplift.ts';
import { type Database, insert, type SqlValue, type Steps } from './database.ts';
import type { LedgerPage, LedgerRollup, RollupQuery, SpendKind } from './store.ts';
import type { LedgerEntryColumns, LedgerRollupColumns } from './tables.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const entryColumns = [
  'id',
  'kind',
  'at_ms',
  'settled_at_ms',
  'exchange_id',
  'attempt',
  'scopes',
  'model',
  'provider',
  'endpoint',
  'model_served',
  'fault',
  'usage',
  'cost_nano_usd',
  'uncovered',
  'is_estimated',
  'corrects',
  'note',
  'entered_by',
  'paid_by',
  'own_cost_nano_usd',
  'uplift_nano_usd',
  'markup',
] as const satisfies readonly (keyof LedgerEntryColumns)[];

const rollupColumns = [
  'scope',
  'period',
  'start_ms',
  'entries',
  'unpriced',
  'estimated',
  'failed',
  'cost_nano_usd',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_tokens',
  'reasoning_tokens',
  'uplift_nano_usd',
  'own_cost_nano_usd',
] as const satisfies readonly (keyof LedgerRollupColumns)[];

/** What every sum of the rollups grows by. */
const sums = rollupColumns.slice(3);

/**
 * Enters what is not there yet, and adds that, and only that, to the sums by hour and day. In one transaction, so that
 * sending a batch again changes nothing.
 *
 * @returns the ids that were new.
 */
export function* addLedgerEntries(entries: readonly LedgerEntry[]): Steps<ReadonlySet<string>> {
  const returned = yield* insert<{ id: string }>({
    table: 'ledger_entry',
    columns: entryColumns,
    rows: entries.map(entryValues),
    tail: 'ON CONFLICT (id) DO NOTHING',
    returning: ['id'],
  });
  const fresh = new Set(returned.map(({ id }) => id));
  yield* insert({
    table: 'ledger_rollup',
    columns: rollupColumns,
    rows: rollupRows(distinct(entries).filter(({ id }) => fresh.has(id))),
    tail: `ON CONFLICT (scope, period, start_ms) DO UPDATE SET ${sums
      .map((name) => `${name} = ledger_rollup.${name} + excluded.${name}`)
      .join(', ')}`,
  });
  return fresh;
}

/** An id that comes twice in one batch is entered once, and so must count once. */
function distinct(entries: readonly LedgerEntry[]): LedgerEntry[] {
  const first = new Map<string, LedgerEntry>();
  for (const entry of entries) if (!first.has(entry.id)) first.set(entry.id, entry);
  return [...first.values()];
}

function entryValues(entry: LedgerEntry): SqlValue[] {
  return [
    entry.id,
    entry.kind,
    entry.atMs,
    entry.settledAtMs,
    entry.exchangeId ?? null,
    entry.attempt ?? null,
    rollupScopes(entry).json,
    entry.model ?? null,
    entry.provider ?? null,
    entry.endpoint ?? null,
    entry.modelServed ?? null,
    entry.fault ?? null,
    JSON.stringify(entry.usage),
    entry.costNanoUsd ?? null,
    entry.uncovered.length === 0 ? '[]' : JSON.stringify(entry.uncovered),
    Number(entry.isEstimated),
    entry.corrects ?? null,
    entry.note ?? null,
    entry.enteredBy ?? null,
    entry.paidBy ?? null,
    entry.ownCostNanoUsd ?? null,
    entry.upliftNanoUsd ?? null,
    entry.markup === undefined ? null : markupJson(entry.markup),
  ];
}

/** Entries of one hour that count against the same scopes, summed: in practice few, however many entries there are. */
interface Group {
  readonly scopes: readonly string[];
  readonly hourMs: number;
  /** In the order of {@link sums}; money is apart, since it alone may pass 2^53. */
  readonly counts: number[];
  costNanoUsd: bigint;
  upliftNanoUsd: bigint;
  ownCostNanoUsd: bigint;
}

const COST_AT = sums.indexOf('cost_nano_usd');
const UPLIFT_AT = sums.indexOf('uplift_nano_usd');
const OWN_AT = sums.indexOf('own_cost_nano_usd');

/** In the order of their keys, so that two processes never wait for each other's rows. */
function rollupRows(entries: readonly LedgerEntry[]): SqlValue[][] {
  const byKey = new Map<string, { head: SqlValue[]; totals: bigint[] }>();
  for (const group of grouped(entries)) {
    const totals = group.counts.map((count) => BigInt(count));
    totals[COST_AT] = group.costNanoUsd;
    totals[UPLIFT_AT] = group.upliftNanoUsd;
    totals[OWN_AT] = group.ownCostNanoUsd;
    for (const scope of group.scopes) {
      for (const period of ['hour', 'day'] as const) {
        const startMs = period === 'hour' ? group.hourMs : floorTo(group.hourMs, DAY_MS);
        const key = `${scope}\n${period}\n${startMs}`;
        const sum = byKey.get(key);
        if (sum === undefined) byKey.set(key, { head: [scope, period, startMs], totals: [...totals] });
        else for (const [at, figure] of totals.entries()) sum.totals[at] = (sum.totals[at] ?? 0n) + figure;
      }
    }
  }
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([, { head, totals }]) => [...head, ...totals]);
}

function grouped(entries: readonly LedgerEntry[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  let last: { scopes: RollupScopes; group: Group } | undefined;
  for (const entry of entries) {
    const hourMs = floorTo(entry.atMs, HOUR_MS);
    const scopes = rollupScopes(entry);
    if (last?.scopes !== scopes || last.group.hourMs !== hourMs) {
      const key = `${hourMs}\n${scopes.json}`;
      let group = groups.get(key);
      if (group === undefined) {
        const money = { costNanoUsd: 0n, upliftNanoUsd: 0n, ownCostNanoUsd: 0n };
        group = { scopes: scopes.list, hourMs, counts: sums.map(() => 0), ...money };
        groups.set(key, group);
      }
      last = { scopes, group };
    }
    addTo(last.group, entry);
  }
  return groups.values();
}

function addTo(group: Group, entry: LedgerEntry): void {
  const { kind, costNanoUsd, upliftNanoUsd, ownCostNanoUsd, isEstimated, fault, usage } = entry;
  group.costNanoUsd += costNanoUsd ?? 0n;
  group.upliftNanoUsd += upliftNanoUsd ?? 0n;
  if (ownCostNanoUsd !== undefined) group.ownCostNanoUsd += ownCostNanoUsd;
  const figures = [
    1,
    Number(costNanoUsd === undefined && kind === 'attempt'),
    Number(isEstimated),
    Number(fault !== undefined),
    0,
    tokens(usage.inputTokens, kind),
    tokens(usage.outputTokens, kind),
    tokens(usage.cacheReadTokens, kind),
    tokens(usage.cacheWriteTokens, kind),
    tokens(usage.reasoningTokens, kind),
    0,
    0,
  ];
  const { counts } = group;
  for (let at = 0; at < figures.length; at++) counts[at] = (counts[at] ?? 0) + (figures[at] ?? 0);
}

/** Providers have reported figures that are none; what is put right by hand may take some away. */
function tokens(figure: number | undefined, kind: LedgerEntry['kind']): number {
  if (figure === undefined || !Number.isInteger(figure) || figure > TOKENS_MAX) return 0;
  return figure > 0 || (kind !== 'attempt' && figure >= -TOKENS_MAX) ? figure : 0;
}

/** No attempt has a thousandth of that; sums over a batch of such figures stay exact. */
const TOKENS_MAX = 1e12;

/** A page of entries by time, newest first unless asked otherwise. */
export async function ledgerEntries(database: Database, page: LedgerPage): Promise<LedgerEntry[]> {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const demand = (condition: string, ...given: SqlValue[]) => {
    conditions.push(condition);
    values.push(...given);
  };
  const isOldestFirst = page.order === 'oldest';
  if (page.beyond !== undefined) {
    const { atMs, id } = page.beyond;
    const sign = isOldestFirst ? '>' : '<';
    demand(`(at_ms ${sign} ? OR (at_ms = ? AND id ${sign} ?))`, atMs, atMs, id);
  }
  if (page.fromMs !== undefined) demand('at_ms >= ?', page.fromMs);
  if (page.toMs !== undefined) demand('at_ms < ?', page.toMs);
  if (page.exchangeId !== undefined) demand('exchange_id = ?', page.exchangeId);
  if (page.scope !== undefined && page.scope !== 'all') demand(HAS_SCOPE, scopeText(page.scope));
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const direction = isOldestFirst ? 'ASC' : 'DESC';
  const rows = await database.rows<LedgerEntryColumns>(
    `SELECT ${entryColumns.join(', ')} FROM ledger_entry ${where}
     ORDER BY at_ms ${direction}, id ${direction} LIMIT ${page.limit}`,
    values,
  );
  return rows.map(readEntry);
}

/**
 * True for rows whose scopes hold the given text. `all` or `credits` stands first in every list, so each other scope follows a comma;
 * within a scope a quotation mark always follows a backslash. (LIKE would not tell large letters from small ones.)
 */
const HAS_SCOPE = "replace(scopes, ?, '') <> scopes";

function scopeText(scope: string): string {
  return `,${JSON.stringify(scope)}`;
}

export function readEntry(row: LedgerEntryColumns): LedgerEntry {
  const scopes = JSON.parse(row.scopes) as string[];
  const derived = new Set(['all', `model:${row.model}`, `provider:${row.provider}`, `endpoint:${row.endpoint}`]);
  return {
    id: row.id,
    kind: row.kind as LedgerEntry['kind'],
    atMs: Number(row.at_ms),
    settledAtMs: Number(row.settled_at_ms),
    exchangeId: row.exchange_id ?? undefined,
    attempt: row.attempt === null ? undefined : Number(row.attempt),
    scopes: scopes.filter((scope) => !derived.has(scope)),
    model: row.model ?? undefined,
    provider: row.provider ?? undefined,
    endpoint: row.endpoint ?? undefined,
    modelServed: row.model_served ?? undefined,
    fault: row.fault ?? undefined,
    usage: JSON.parse(row.usage) as Usage,
    costNanoUsd: row.cost_nano_usd === null ? undefined : BigInt(row.cost_nano_usd),
    uncovered: JSON.parse(row.uncovered) as string[],
    isEstimated: Number(row.is_estimated) === 1,
    corrects: row.corrects ?? undefined,
    note: row.note ?? undefined,
    ...(row.entered_by !== null && { enteredBy: row.entered_by }),
    ...(row.paid_by !== null && { paidBy: row.paid_by }),
    ...(row.own_cost_nano_usd !== null && { ownCostNanoUsd: BigInt(row.own_cost_nano_usd) }),
    ...(row.markup !== null && { markup: readWrittenMarkup(JSON.parse(row.markup) as WrittenMarkup) }),
    ...(row.uplift_nano_usd !== null && { upliftNanoUsd: BigInt(row.uplift_nano_usd) }),
  };
}

/** From where to where, the end excluded, the scopes of a kind lie. */
export function scopesOfKind(by: string): [string, string] {
  // Every scope of a kind begins with its name and a colon; the character after the colon ends the range.
  return by === 'all' ? ['all', 'all~'] : [`${by}:`, `${by};`];
}

/** Sums of one kind of scope, by time and scope. */
export async function ledgerRollups(database: Database, ask: RollupQuery): Promise<LedgerRollup[]> {
  const range = scopesOfKind(ask.by);
  const { startMs, scope } = ask.beyond ?? { startMs: -1, scope: '' };
  const isOne = ask.scope === undefined ? '' : 'AND scope = ?';
  const rows = await database.rows<LedgerRollupColumns>(
    `SELECT ${rollupColumns.join(', ')} FROM ledger_rollup
     WHERE scope >= ? AND scope < ? ${isOne} AND period = ? AND start_ms >= ? AND start_ms < ?
       AND (start_ms > ? OR (start_ms = ? AND scope > ?))
     ORDER BY start_ms, scope LIMIT ${ask.limit}`,
    [
      ...range,
      ...(ask.scope === undefined ? [] : [ask.scope]),
      ask.period,
      ask.fromMs,
      ask.toMs,
      startMs,
      startMs,
      scope,
    ],
  );
  return rows.map((row) => ({
    scope: row.scope,
    startMs: Number(row.start_ms),
    entries: Number(row.entries),
    unpriced: Number(row.unpriced),
    estimated: Number(row.estimated),
    failed: Number(row.failed),
    costNanoUsd: BigInt(row.cost_nano_usd),
    inputTokens: Number(row.input_tokens),
    outputTokens: Number(row.output_tokens),
    cacheReadTokens: Number(row.cache_read_tokens),
    cacheWriteTokens: Number(row.cache_write_tokens),
    reasoningTokens: Number(row.reasoning_tokens),
    upliftNanoUsd: BigInt(row.uplift_nano_usd),
    ownCostNanoUsd: BigInt(row.own_cost_nano_usd),
  }));
}

/** Of whole days, so that it is read from the sums alone. */
export async function spendByDays(
  database: Database,
  scopes: readonly string[],
  sinceMs: readonly number[],
  of: SpendKind = 'cost',
): Promise<ReadonlyMap<string, bigint[]>> {
  const column = of === 'cost' ? 'cost_nano_usd' : 'own_cost_nano_usd';
  if (scopes.length === 0) return new Map();
  const sums = sinceMs.map(
    (_, at) => `CAST(SUM(CASE WHEN start_ms >= ? THEN ${column} ELSE 0 END) AS bigint) AS s${at}`,
  );
  const rows = await database.rows<{ scope: string } & Record<string, bigint | number | string>>(
    `SELECT scope, ${sums.join(', ')} FROM ledger_rollup
     WHERE period = 'day' AND scope IN (${scopes.map(() => '?').join(', ')}) GROUP BY scope`,
    [...sinceMs, ...scopes],
  );
  return new Map(rows.map((row) => [row.scope, sinceMs.map((_, at) => BigInt(row[`s${at}`] ?? 0))]));
}

function floorTo(atMs: number, unitMs: number): number {
  return Math.floor(atMs / unitMs) * unitMs;
}
