import type { LedgerEntry } from '../ledger/entry.ts';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';

/** What Turnpike keeps on disk, as everything above the database sees it. Built in one place, by `openStore`. */
export interface Store {
  /**
   * Writes all rows in one transaction: all of them, or none and an error. A row whose id is already there is left as it
   * is, so a batch whose outcome is unknown can be written again.
   *
   * @throws StoreError `busy` when another process holds the database; the batch is then worth writing again.
   */
  writeExchanges(rows: readonly ExchangeRow[]): Promise<void>;
  /** The latest exchanges first (ids sort by start), at most `limit` (1 to 1000), older than the id `before` when given. */
  recentExchanges(page: { limit: number; before?: string; filter?: ExchangeFilter }): Promise<ExchangeRow[]>;
  exchange(id: string): Promise<ExchangeRow | undefined>;
  /** The latest exchange whose answer had this id; of this key only, when one is named. */
  exchangeAnswered(responseId: string, keyName?: string): Promise<ExchangeRow | undefined>;
  /**
   * Enters all that is not there yet, and moves the sums by what was new, in one transaction: however often a batch is
   * sent, it counts once. Entries are never changed.
   *
   * @returns the ids that were new.
   * @throws StoreError
   */
  writeLedger(entries: readonly LedgerEntry[]): Promise<ReadonlySet<string>>;
  ledgerEntries(page: LedgerPage): Promise<LedgerEntry[]>;
  /** Nano-USD of all entries of a scope (`all`, or `<type>:<id>`) that began within [fromMs, toMs), to the nano-dollar. */
  spendBetween(scope: string, fromMs: number, toMs: number): Promise<bigint>;
  /** The same of many scopes at once; those that spent nothing are absent. */
  spendOf(scopes: readonly string[], fromMs: number, toMs: number): Promise<ReadonlyMap<string, bigint>>;
  ledgerRollups(query: RollupQuery): Promise<LedgerRollup[]>;
  /** What each scope of a kind cost and is charged, by scope; those without entries are absent. */
  ledgerCharges(query: ChargeQuery & { limit: number; after?: string | undefined }): Promise<LedgerCharge[]>;
  /** The same of all scopes of the kind together. */
  ledgerChargeTotal(query: ChargeQuery): Promise<LedgerCharge>;
  /**
   * Nano-USD that scopes spent, by scope: for each of `sinceMs`, of the UTC days that begin at that instant or later.
   * Scopes that spent nothing are absent.
   */
  spendByDays(
    scopes: readonly string[],
    sinceMs: readonly number[],
    of?: SpendKind,
  ): Promise<ReadonlyMap<string, readonly bigint[]>>;
  /**
   * Deletes the earliest attempts that began within [fromMs, toMs), at most `limit`; sums stay, and so does what was entered by
   * hand. `lastMs`: when the last of them began.
   */
  pruneLedger(fromMs: number, toMs: number, limit: number): Promise<{ deleted: number; lastMs: number }>;
  /** How many attempts began within [fromMs, toMs). */
  countAttempts(fromMs: number, toMs: number): Promise<number>;
  /** Deletes the earliest exchanges of the log that started before an instant, at most `limit`. @returns how many. */
  pruneExchanges(beforeMs: number, limit: number): Promise<number>;
  countExchanges(fromMs: number, toMs: number): Promise<number>;
  /** When the first attempt of the ledger began, and the first exchange of the log started. */
  oldestDetail(): Promise<{ attemptMs: number | undefined; exchangeMs: number | undefined }>;
  /** Notes what is about to be deleted, together with what was before. */
  notePruned(detail: PrunedDetail): Promise<void>;
  prunedDetail(): Promise<PrunedDetail | undefined>;
  ledgerEntry(id: string): Promise<LedgerEntry | undefined>;
  /** Adjustments and the like (not attempts) entered at this time or later, the earliest first. */
  ledgerByHand(enteredFromMs: number): Promise<LedgerEntry[]>;
  /** Has anything ever counted against this scope? */
  hasLedgerScope(scope: string): Promise<boolean>;
  /** Entities, and the audit log of their changes. */
  readonly records: Records;
  /** Small facts about the installation itself, by name. */
  readMeta(name: string): Promise<string | undefined>;
  writeMeta(name: string, value: string): Promise<void>;
  /** Writes it unless another process has; gives back what is there then. For what several would otherwise each make. */
  claimMeta(name: string, value: string): Promise<string>;
  /** True for the first of all processes that asks with this name; it may be asked anew from `untilMs` on. */
  claimOnce(name: string, untilMs: number, nowMs: number): Promise<boolean>;
  /** To be called once; nothing may be called afterwards. */
  close(): Promise<void>;
}

/** Of attempts that began before an instant, only those of some hours are whole in the ledger. */
export interface PrunedDetail {
  readonly beforeMs: number;
  /** Starts of hours. */
  readonly keptHoursMs: readonly number[];
}

export interface LedgerPage {
  /** 1 to 1000. */
  limit: number;
  /** Default: newest first, by the time an attempt began. */
  order?: 'newest' | 'oldest';
  /** The last entry of the page before. */
  beyond?: { atMs: number; id: string } | undefined;
  /** Began within [fromMs, toMs). */
  fromMs?: number | undefined;
  toMs?: number | undefined;
  /** As in `spendBetween`. */
  scope?: string | undefined;
  exchangeId?: string | undefined;
}

export interface RollupQuery {
  /** The type of scope to sum by: `key`, `team`, `model`, `provider`, `endpoint`…, or `all`. */
  by: string;
  /** Only this scope, which is of the type. */
  scope?: string | undefined;
  /** Hours and days are UTC. */
  period: 'hour' | 'day';
  /** Periods that start within [fromMs, toMs). */
  fromMs: number;
  toMs: number;
  limit: number;
  /** The last of the page before. */
  beyond?: { startMs: number; scope: string } | undefined;
}

/** Sums over periods that start within [fromMs, toMs). */
export type ChargeQuery = Pick<RollupQuery, 'by' | 'period' | 'fromMs' | 'toMs'>;

export interface LedgerCharge extends Pick<LedgerRollup, 'entries' | 'unpriced' | 'costNanoUsd' | 'upliftNanoUsd'> {
  /** Empty for a total. */
  scope: string;
}

export interface LedgerRollup {
  scope: string;
  startMs: number;
  entries: number;
  /** Entries whose cost is not known; it is missing in the sum. */
  unpriced: number;
  estimated: number;
  failed: number;
  costNanoUsd: bigint;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  reasoningTokens: number;
  /** Charged beyond the cost, by markups. */
  upliftNanoUsd: bigint;
  /** What owners of credentials of their own are billed; in the cost too only where that counts. */
  ownCostNanoUsd: bigint;
}

/** What the ledger says was spent, or what owners of credentials of their own are billed. */
export type SpendKind = 'cost' | 'own';

/**
 * Entities (organisations, keys and so on) and the audit log.
 *
 * Changes come one after the other: each adds the entry that follows the last one it has seen to the audit log, and of two
 * that have seen the same only one can. Whoever reads the head first, then what it wants to check, and then commits, has
 * checked what still holds. The number of the last entry thereby tells other processes whether something changed.
 */
export interface Records {
  /** The last entry of the audit log; number 0 when there is none. */
  head(): Promise<{ seq: number; hash: string }>;
  /** All of them, by id. */
  entities(): Promise<EntityRow[]>;
  /**
   * What the entries after `seq` changed, and the number of the last of them (`seq` itself when there are none): ids of
   * entities, and apart from them those of ledger entries that were made by hand.
   */
  changedSince(seq: number): Promise<{ seq: number; ids: string[]; entryIds: string[] }>;
  entity(id: string): Promise<EntityRow | undefined>;
  entityNamed(kind: string, name: string): Promise<EntityRow | undefined>;
  /** The key with this digest, its previous one included. */
  entityWithDigest(digest: string): Promise<EntityRow | undefined>;
  /** Any entity that belongs to the one given. */
  entityReferringTo(id: string): Promise<EntityRow | undefined>;
  /** By id, which sorts by creation. */
  listEntities(filter: EntityFilter): Promise<EntityRow[]>;
  /**
   * All of a change, or nothing.
   *
   * @returns false when something else was committed since its head was read: read again, check again.
   * @throws StoreError
   */
  commit(change: RecordChange): Promise<boolean>;
  /** The latest first; with `after`, the earliest first. */
  audit(filter: {
    limit: number;
    before?: number | undefined;
    after?: number | undefined;
    kind?: string | undefined;
    entityId?: string | undefined;
    actorId?: string | undefined;
    action?: string | undefined;
    sinceMs?: number | undefined;
    untilMs?: number | undefined;
  }): Promise<AuditRow[]>;
  /** What was answered to a request that carried this idempotency key. */
  answerOf(actorId: string, idempotencyKey: string): Promise<StoredAnswer | undefined>;
}

/** What is given must hold. */
export interface ExchangeFilter {
  keyName?: string | undefined;
  /** As asked for. */
  model?: string | undefined;
  provider?: string | undefined;
  fault?: string | undefined;
  status?: number | undefined;
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
}

export interface EntityRow {
  /** Sorts by creation. */
  id: string;
  kind: string;
  /** Unique within its kind. */
  name: string;
  organisationId: string | undefined;
  teamId: string | undefined;
  userId: string | undefined;
  projectId: string | undefined;
  /** 1, and one more with each change. */
  version: number;
  createdAtMs: number;
  updatedAtMs: number;
  /** Of a key: what it is found by. */
  digest: string | undefined;
  /** Of a key that was rotated: what it was found by before. */
  previousDigest: string | undefined;
  /** The rest, as JSON. */
  body: string;
}

export interface EntityFilter {
  kind: string;
  limit: number;
  /** An id: only later ones. */
  after?: string | undefined;
  name?: string | undefined;
  organisationId?: string | undefined;
  teamId?: string | undefined;
  userId?: string | undefined;
  projectId?: string | undefined;
}

export interface RecordChange {
  /** Made or replaced. */
  puts: readonly EntityRow[];
  deletes: readonly string[];
  /** Its entries; the first has the number after the head's. */
  audit: readonly AuditRow[];
  /** To be remembered with it. */
  answer: StoredAnswer | undefined;
  /** To be entered into the ledger with it: ids that are there already stay as they are. */
  entries?: readonly LedgerEntry[];
  /** Facts about the installation to be written with it. */
  meta?: readonly { readonly name: string; readonly value: string }[] | undefined;
  /** Answers from before this time are forgotten, when there is one to remember. */
  answersBeforeMs: number;
}

/** What the audit log calls a ledger entry that moves what is spent. */
export const LEDGER_ENTRY_KIND = 'ledger-entry';

export interface AuditRow {
  /** 1, 2, 3 … without gap. */
  seq: number;
  atMs: number;
  actorId: string;
  actorName: string;
  /** The client's address. */
  origin: string;
  action: string;
  kind: string;
  entityId: string;
  /** The entity as JSON, without secrets; undefined when there was none. */
  before: string | undefined;
  after: string | undefined;
  /** Hash of the entry before; empty for the first. */
  previousHash: string;
  hash: string;
}

export interface StoredAnswer {
  actorId: string;
  idempotencyKey: string;
  requestHash: string;
  status: number;
  body: string;
  atMs: number;
}

/**
 * Why a store could not be opened or written.
 *
 * `foreign`: the file is no database of ours, or damaged. `newer`: a later version of Turnpike wrote it. `busy`: another
 * process holds it. `unusable`: the disk or its permissions.
 */
export class StoreError extends Error {
  constructor(
    readonly code: 'foreign' | 'newer' | 'busy' | 'taken' | 'unusable',
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'StoreError';
  }
}
