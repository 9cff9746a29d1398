/**
 * How an empty database becomes the one of this version, step by step: statements that SQLite and PostgreSQL both take
 * as they stand. A step that was ever released is never changed; what comes later is a new step at the end. Steps only
 * go forward.
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
];
