import type { Database, SQLQueryBindings } from 'bun:sqlite';
import { SqliteDialect } from 'kysely';

/** Kysely over Bun's own SQLite: its dialect asks for another driver's statements, which these few lines imitate. */
export function bunSqliteDialect(database: Database): SqliteDialect {
  return new SqliteDialect({
    database: {
      close: () => database.close(),
      prepare(sql) {
        const statement = database.query<unknown, SQLQueryBindings[]>(sql);
        return {
          reader: statement.columnNames.length > 0,
          all: (parameters) => statement.all(...(parameters as SQLQueryBindings[])),
          run: (parameters) => statement.run(...(parameters as SQLQueryBindings[])),
          iterate: (parameters) => statement.iterate(...(parameters as SQLQueryBindings[])),
        };
      },
    },
  });
}
