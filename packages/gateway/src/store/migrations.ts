import type { Compilable, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/**
 * How an empty database becomes the one of this version, step by step. A step that was ever released is never changed;
 * what comes later is a new step at the end. Steps only go forward.
 */
export const migrations: readonly ((db: Kysely<Tables>) => Compilable[])[] = [
  // 1: the log of exchanges.
  ({ schema }) => [
    schema
      .createTable('exchange_log')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('started_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('duration_ms', 'double precision', (column) => column.notNull())
      .addColumn('first_byte_ms', 'double precision')
      .addColumn('key_name', 'text')
      .addColumn('face', 'text', (column) => column.notNull())
      .addColumn('operation', 'text', (column) => column.notNull())
      .addColumn('model_asked', 'text', (column) => column.notNull())
      .addColumn('is_stream', 'integer', (column) => column.notNull())
      .addColumn('status', 'integer', (column) => column.notNull())
      .addColumn('fault', 'text')
      .addColumn('fault_message', 'text')
      .addColumn('provider', 'text')
      .addColumn('endpoint', 'text')
      .addColumn('model_served', 'text')
      .addColumn('lane', 'text')
      .addColumn('finish', 'text')
      .addColumn('usage', 'text')
      .addColumn('is_estimated', 'integer', (column) => column.notNull())
      .addColumn('cost_nano_usd', 'bigint')
      .addColumn('losses', 'text', (column) => column.notNull())
      .addColumn('plan', 'text', (column) => column.notNull()),
    // Pages of the list are found by where the last one ended, never by counting from the start.
    schema.createIndex('exchange_log_by_start').on('exchange_log').columns(['started_at_ms', 'id']),
    schema
      .createTable('attempt_log')
      .addColumn('exchange_id', 'text', (column) => column.notNull())
      .addColumn('number', 'integer', (column) => column.notNull())
      .addColumn('provider', 'text', (column) => column.notNull())
      .addColumn('endpoint', 'text', (column) => column.notNull())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('lane', 'text', (column) => column.notNull())
      .addColumn('started_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('duration_ms', 'double precision', (column) => column.notNull())
      .addColumn('status', 'integer')
      .addColumn('fault', 'text')
      .addColumn('upstream_request_id', 'text')
      .addColumn('usage', 'text')
      .addColumn('is_estimated', 'integer', (column) => column.notNull())
      .addColumn('cost_nano_usd', 'bigint')
      .addPrimaryKeyConstraint('attempt_log_key', ['exchange_id', 'number']),
  ],
];
