import type { Compilable, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/**
 * How an empty database becomes the one of this version, step by step. A step that was ever released is never changed;
 * what comes later is a new step at the end. Steps only go forward.
 */
export const migrations: readonly ((db: Kysely<Tables>) => Compilable[])[] = [
  // 1: the log of exchanges. Ids sort by start, so the primary key is the index for lists by time as well.
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
      .addColumn('plan', 'text', (column) => column.notNull())
      .addColumn('attempts', 'text', (column) => column.notNull()),
  ],
];
