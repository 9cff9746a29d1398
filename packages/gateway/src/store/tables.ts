/**
 * The columns as the database has them; `migrations.ts` makes them. One schema for every database: ids are text, points
 * in time integer Unix milliseconds, money integer nano-USD in 64 bits, lists and objects JSON as text, flags 0 or 1.
 *
 * Integers arrive as `bigint` when read, since a number would lose money past 2^53.
 */
export interface Tables {
  meta: { name: string; value: string };
  exchange_log: ExchangeColumns;
  ledger_entry: LedgerEntryColumns;
  ledger_rollup: LedgerRollupColumns;
}

export interface ExchangeColumns {
  id: string;
  started_at_ms: number | bigint;
  duration_ms: number;
  first_byte_ms: number | null;
  key_name: string | null;
  face: string;
  operation: string;
  model_asked: string;
  is_stream: number | bigint;
  status: number | bigint;
  fault: string | null;
  fault_message: string | null;
  provider: string | null;
  endpoint: string | null;
  model_served: string | null;
  lane: string | null;
  finish: string | null;
  usage: string | null;
  is_estimated: number | bigint;
  cost_nano_usd: bigint | null;
  losses: string;
  plan: string;
  attempts: string;
  response_id: string | null;
  queued_ms: number | null;
}

export interface LedgerEntryColumns {
  /** `<exchange id>.<attempt>`, or an id of its own for what was entered by hand. */
  id: string;
  kind: string;
  at_ms: number | bigint;
  settled_at_ms: number | bigint;
  exchange_id: string | null;
  attempt: number | bigint | null;
  /** Everything it is summed under; `all` stands first. */
  scopes: string;
  model: string | null;
  provider: string | null;
  endpoint: string | null;
  model_served: string | null;
  fault: string | null;
  usage: string;
  cost_nano_usd: bigint | null;
  uncovered: string;
  is_estimated: number | bigint;
  corrects: string | null;
  note: string | null;
  entered_by: string | null;
  paid_by: string | null;
  own_cost_nano_usd: bigint | null;
  /** Charged beyond the cost; null for nothing. */
  uplift_nano_usd: bigint | null;
  /** JSON, as in the journal. */
  markup: string | null;
}

export interface LedgerRollupColumns {
  scope: string;
  /** `hour` or `day`, in UTC. */
  period: string;
  start_ms: number | bigint;
  entries: number | bigint;
  /** Entries without a known cost. */
  unpriced: number | bigint;
  estimated: number | bigint;
  failed: number | bigint;
  cost_nano_usd: bigint;
  input_tokens: number | bigint;
  output_tokens: number | bigint;
  cache_read_tokens: number | bigint;
  cache_write_tokens: number | bigint;
  reasoning_tokens: number | bigint;
  uplift_nano_usd: bigint;
  own_cost_nano_usd: bigint;
}
