import { type ColumnShape, query, type SchemaWords } from './database.ts';

/** Any number, as long as it stays the same: what gateways that change the schema at once agree on. */
const SCHEMA_LOCK = 7_887_639;

/** How PostgreSQL speaks of its schema: tables are those of the connection's own schema (`search_path`). */
export const postgresSchema: SchemaWords = {
  *lock() {
    yield* query('SELECT pg_advisory_xact_lock(?)', [SCHEMA_LOCK]);
  },
  *tables() {
    const rows = yield* query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()) AND relkind IN ('r', 'p') ORDER BY relname",
    );
    return rows.map(({ name }) => name);
  },
  *columns(table) {
    const rows = yield* query<{ name: string; type: string; place: number }>(
      `SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type,
        coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0) AS place
      FROM pg_attribute a
      JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = to_regnamespace(current_schema())
      LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
      WHERE c.relname = ? AND a.attnum > 0 AND NOT a.attisdropped
      ORDER BY a.attnum`,
      [table],
    );
    return rows.map(({ name, type, place }) => ({ name, kind: kindOf(type), keyPlace: place }));
  },
  // Text compares as bytes, as it does in SQLite: ids sort by start whatever language the server speaks.
  statement: (sql) =>
    /^\s*(CREATE|ALTER) TABLE\b/.test(sql)
      ? sql.replace(/\btext\b/g, 'text COLLATE "C"').replace(/\bblob\b/g, 'bytea')
      : sql,
};

function kindOf(type: string): ColumnShape['kind'] {
  switch (type) {
    case 'text':
      return 'text';
    case 'bigint':
    case 'integer':
      return 'integer';
    case 'double precision':
      return 'real';
    case 'bytea':
      return 'bytes';
    default:
      throw new Error(`A column of the type ${type} is not portable.`);
  }
}
