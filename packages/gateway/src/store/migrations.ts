/**
 * How an empty database becomes the one of this version, step by step: statements that SQLite and PostgreSQL both take.
 * A step that was ever released is never changed; what comes later is a new step at the end. Steps only go forward.
 *
 * Types are `text` (compares as bytes, in PostgreSQL too), `bigint`, `integer`, `double precision` and `blob`. Every table
 * has a primary key that is never null, by which it is copied. A step adds: tables, indexes, columns that may be null or have a
 * default. Gateways of the version before go on beside it then; one that cannot is listed in `breakingMigrations`.
 */
export const migrations: readonly (readonly string[])[] = [
  // 1: the log of exchanges. Ids sort by start, so the primary key is the index for lists by time as well.
  [
    `CREATE TABLE exchange_log (
      id text PRIMARY KEY NOT NULL,
      started_at_ms bigint NOT NULL,
      duration_ms double precision NOT NULL,
      first_byte_ms double precision,
      key_name text,
      face text NOT NULL,
      operation text NOT NULL,
      model_asked text NOT NULL,
      is_stream integer NOT NULL,
      status integer NOT NULL,
      fault text,
      fault_message text,
      provider text,
      endpoint text,
      model_served text,
      lane text,
      finish text,
      usage text,
      is_estimated integer NOT NULL,
      cost_nano_usd bigint,
      losses text NOT NULL,
      plan text NOT NULL,
      attempts text NOT NULL
    )`,
  ],
  // 2: entities, the audit log of their changes, and answers to requests that may be repeated.
  [
    `CREATE TABLE entity (
      id text PRIMARY KEY NOT NULL,
      kind text NOT NULL,
      name text NOT NULL,
      organisation_id text,
      team_id text,
      user_id text,
      project_id text,
      version bigint NOT NULL,
      created_at_ms bigint NOT NULL,
      updated_at_ms bigint NOT NULL,
      digest text UNIQUE,
      previous_digest text,
      body text NOT NULL
    )`,
    'CREATE UNIQUE INDEX entity_by_name ON entity (kind, name)',
    'CREATE INDEX entity_by_organisation ON entity (organisation_id)',
    'CREATE INDEX entity_by_team ON entity (team_id)',
    'CREATE INDEX entity_by_user ON entity (user_id)',
    'CREATE INDEX entity_by_project ON entity (project_id)',
    'CREATE INDEX entity_by_previous_digest ON entity (previous_digest)',
    `CREATE TABLE audit_log (
      seq bigint PRIMARY KEY NOT NULL,
      at_ms bigint NOT NULL,
      actor_id text NOT NULL,
      actor_name text NOT NULL,
      origin text NOT NULL,
      action text NOT NULL,
      kind text NOT NULL,
      entity_id text NOT NULL,
      before_state text,
      after_state text,
      previous_hash text NOT NULL,
      hash text NOT NULL
    )`,
    'CREATE INDEX audit_by_entity ON audit_log (entity_id, seq)',
    `CREATE TABLE idempotent_answer (
      actor_id text NOT NULL,
      idempotency_key text NOT NULL,
      request_hash text NOT NULL,
      status integer NOT NULL,
      body text NOT NULL,
      at_ms bigint NOT NULL,
      PRIMARY KEY (actor_id, idempotency_key)
    )`,
  ],
  // 3: the ledger, and its sums by hour and day, which are only ever changed together with it.
  [
    `CREATE TABLE ledger_entry (
      id text PRIMARY KEY NOT NULL,
      kind text NOT NULL,
      at_ms bigint NOT NULL,
      settled_at_ms bigint NOT NULL,
      exchange_id text,
      attempt integer,
      scopes text NOT NULL,
      model text,
      provider text,
      endpoint text,
      model_served text,
      fault text,
      usage text NOT NULL,
      cost_nano_usd bigint,
      uncovered text NOT NULL,
      is_estimated integer NOT NULL,
      corrects text,
      note text
    )`,
    'CREATE INDEX ledger_by_time ON ledger_entry (at_ms, id)',
    `CREATE TABLE ledger_rollup (
      scope text NOT NULL,
      period text NOT NULL,
      start_ms bigint NOT NULL,
      entries bigint NOT NULL,
      unpriced bigint NOT NULL,
      estimated bigint NOT NULL,
      failed bigint NOT NULL,
      cost_nano_usd bigint NOT NULL,
      input_tokens bigint NOT NULL,
      output_tokens bigint NOT NULL,
      cache_read_tokens bigint NOT NULL,
      cache_write_tokens bigint NOT NULL,
      PRIMARY KEY (scope, period, start_ms)
    )`,
  ],
  // 4: who entered what was entered by hand, and the way to it among all the attempts.
  [
    'ALTER TABLE ledger_entry ADD COLUMN entered_by text',
    "CREATE INDEX ledger_by_hand ON ledger_entry (settled_at_ms, id) WHERE kind <> 'attempt'",
  ],
  // 5: exchanges are found by the id their answer had, and reasoning tokens are summed.
  [
    'ALTER TABLE exchange_log ADD COLUMN response_id text',
    'CREATE INDEX exchange_by_response ON exchange_log (response_id)',
    'ALTER TABLE ledger_rollup ADD COLUMN reasoning_tokens bigint NOT NULL DEFAULT 0',
  ],
  // 6: attempts with a caller's own credential, and what its owner is billed.
  ['ALTER TABLE ledger_entry ADD COLUMN paid_by text', 'ALTER TABLE ledger_entry ADD COLUMN own_cost_nano_usd bigint'],
  // 7: what is charged beyond the cost.
  [
    'ALTER TABLE ledger_entry ADD COLUMN uplift_nano_usd bigint',
    'ALTER TABLE ledger_entry ADD COLUMN markup text',
    'ALTER TABLE ledger_rollup ADD COLUMN uplift_nano_usd bigint NOT NULL DEFAULT 0',
  ],
  // 8: how long an exchange waited in the queue of a limit.
  ['ALTER TABLE exchange_log ADD COLUMN queued_ms double precision'],
  // 9: sums of what owners of credentials of their own are billed.
  ['ALTER TABLE ledger_rollup ADD COLUMN own_cost_nano_usd bigint NOT NULL DEFAULT 0'],
];

/** Numbers (from 1) of the steps after which a version that does not know them must not touch the database. */
export const breakingMigrations: ReadonlySet<number> = new Set();
