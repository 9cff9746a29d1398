import type { LedgerEntry } from '../ledger/entry.ts';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { ledgerCharges, ledgerChargeTotal } from './charge-sums.ts';
import { type Database, query } from './database.ts';
import { addExchanges, exchangeAnswered, exchangeOf, recentExchanges } from './exchange-table.ts';
import { hasLedgerScope, ledgerByHand, ledgerEntry } from './ledger-by-hand.ts';
import { addLedgerEntries, ledgerEntries, ledgerRollups, spendByDays } from './ledger-table.ts';
import {
  countAttempts,
  countExchanges,
  notePruned,
  oldestDetail,
  prunedDetail,
  pruneExchanges,
  pruneLedger,
} from './prune-table.ts';
import { SqlRecords, type SqlRunner, type SqlValue } from './records.ts';
import { spendOf } from './spend-of.ts';
import type {
  ChargeQuery,
  LedgerCharge,
  LedgerPage,
  LedgerRollup,
  PrunedDetail,
  RollupQuery,
  SpendKind,
  Store,
} from './store.ts';

const PAGE_MAX = 1_000;

/** The store over either database. What belongs to one table is beside it; here is only what answers to which name. */
export class DatabaseStore implements Store {
  readonly records: SqlRecords;
  readonly #database: Database;

  /** The database is at the schema of this version, and is closed with the store. */
  constructor(database: Database) {
    this.#database = database;
    this.records = new SqlRecords(sqlRunner(database));
  }

  async writeExchanges(rows: readonly ExchangeRow[]): Promise<void> {
    if (rows.length > 0) await this.#database.transact(() => addExchanges(rows));
  }

  async recentExchanges(page: Parameters<Store['recentExchanges']>[0]): Promise<ExchangeRow[]> {
    return recentExchanges(this.#database, { ...page, limit: pageSize(page.limit) });
  }

  async exchange(id: string): Promise<ExchangeRow | undefined> {
    return exchangeOf(this.#database, id);
  }

  async exchangeAnswered(responseId: string, keyName?: string): Promise<ExchangeRow | undefined> {
    return exchangeAnswered(this.#database, responseId, keyName);
  }

  async writeLedger(entries: readonly LedgerEntry[]): Promise<ReadonlySet<string>> {
    if (entries.length === 0) return new Set();
    return this.#database.transact(() => addLedgerEntries(entries));
  }

  async ledgerEntries(page: LedgerPage): Promise<LedgerEntry[]> {
    return ledgerEntries(this.#database, { ...page, limit: pageSize(page.limit) });
  }

  async spendOf(scopes: readonly string[], fromMs: number, toMs: number): Promise<ReadonlyMap<string, bigint>> {
    return spendOf(this.#database, scopes, fromMs, toMs);
  }

  async spendBetween(scope: string, fromMs: number, toMs: number): Promise<bigint> {
    return (await spendOf(this.#database, [scope], fromMs, toMs)).get(scope) ?? 0n;
  }

  async ledgerRollups(query: RollupQuery): Promise<LedgerRollup[]> {
    return ledgerRollups(this.#database, { ...query, limit: pageSize(query.limit) });
  }

  async ledgerCharges(query: Parameters<Store['ledgerCharges']>[0]): Promise<LedgerCharge[]> {
    return ledgerCharges(this.#database, { ...query, limit: pageSize(query.limit) });
  }

  async ledgerChargeTotal(query: ChargeQuery): Promise<LedgerCharge> {
    return ledgerChargeTotal(this.#database, query);
  }

  async spendByDays(
    scopes: readonly string[],
    sinceMs: readonly number[],
    of?: SpendKind,
  ): Promise<ReadonlyMap<string, bigint[]>> {
    return spendByDays(this.#database, scopes, sinceMs, of);
  }

  async pruneLedger(fromMs: number, toMs: number, limit: number): Promise<{ deleted: number; lastMs: number }> {
    return pruneLedger(this.#database, fromMs, toMs, pageSize(limit));
  }

  async countAttempts(fromMs: number, toMs: number): Promise<number> {
    return countAttempts(this.#database, fromMs, toMs);
  }

  async pruneExchanges(beforeMs: number, limit: number): Promise<number> {
    return pruneExchanges(this.#database, beforeMs, pageSize(limit));
  }

  async countExchanges(fromMs: number, toMs: number): Promise<number> {
    return countExchanges(this.#database, fromMs, toMs);
  }

  oldestDetail(): ReturnType<Store['oldestDetail']> {
    return oldestDetail(this.#database);
  }

  async notePruned(detail: PrunedDetail): Promise<void> {
    await notePruned(this.#database, detail);
  }

  prunedDetail(): Promise<PrunedDetail | undefined> {
    return prunedDetail(this.#database);
  }

  async ledgerEntry(id: string): Promise<LedgerEntry | undefined> {
    return ledgerEntry(this.#database, id);
  }

  async ledgerByHand(enteredFromMs: number): Promise<LedgerEntry[]> {
    return ledgerByHand(this.#database, enteredFromMs);
  }

  async hasLedgerScope(scope: string): Promise<boolean> {
    return hasLedgerScope(this.#database, scope);
  }

  async readMeta(name: string): Promise<string | undefined> {
    const [row] = await this.#database.rows<{ value: string }>('SELECT value FROM meta WHERE name = ?', [name]);
    return row?.value;
  }

  async writeMeta(name: string, value: string): Promise<void> {
    await this.#database.rows(
      'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      [name, value],
    );
  }

  async claimMeta(name: string, value: string): Promise<string> {
    return this.#database.transact(function* () {
      yield* query('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING', [name, value]);
      const [row] = yield* query<{ value: string }>('SELECT value FROM meta WHERE name = ?', [name]);
      return row?.value ?? value;
    });
  }

  async claimOnce(name: string, untilMs: number, nowMs: number): Promise<boolean> {
    return this.#database.transact(function* () {
      // Values of other names are no numbers, and conditions joined by AND have no order.
      yield* query(
        "DELETE FROM meta WHERE CASE WHEN name LIKE 'once:%' THEN CAST(value AS bigint) <= ? ELSE 1 = 0 END",
        [nowMs],
      );
      const rows = yield* query<{ name: string }>(
        'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING name',
        [`once:${name}`, String(Math.min(untilMs, Number.MAX_SAFE_INTEGER))],
      );
      return rows.length > 0;
    });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}

function pageSize(limit: number): number {
  return Math.min(Math.max(Math.trunc(limit), 1), PAGE_MAX);
}

function sqlRunner(database: Database): SqlRunner {
  return {
    rows: async ({ sql, values }) => [...(await database.rows<Record<string, SqlValue>>(sql, values))],
    atomically: (statements, entries) =>
      database.transact(function* () {
        for (const { sql, values } of statements) yield* query(sql, values);
        if (entries.length > 0) yield* addLedgerEntries(entries);
      }),
  };
}
