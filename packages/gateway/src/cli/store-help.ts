const place = `Which store: the PostgreSQL server at DATABASE_URL when that is set, else the
embedded one in TURNPIKE_DATA_DIR (default .turnpike).
`;

/** What \`--help\` prints for each command about the store. */
export const storeHelp = {
  migrate: `Brings the store to the schema of this version. The gateway does that itself when
it starts; this is for those who want it done before.

Usage: npm start -- migrate [--dry-run]

  --dry-run   say what would be done, and change nothing

${place}`,
  backup: `Writes a consistent copy of the store into a new file. The gateway may go on.

Usage: npm start -- backup FILE

An embedded store becomes an SQLite file, one on PostgreSQL becomes lines of
JSON. Either can be restored into either.

${place}`,
  restore: `Fills an empty store from a backup. One that holds anything is refused. Every row
is read back and compared; whatever goes wrong leaves the store empty.

Usage: npm start -- restore FILE

${place}`,
  move: `Copies the embedded store to PostgreSQL, all of it or nothing, and reads every row
back. Stop the gateway first, and start it with DATABASE_URL afterwards. The
embedded store stays as it is. May be repeated: what is there already is left.

Usage: npm start -- move --to postgres://USER:PASSWORD@HOST:5432/DATABASE

  --to URL   where to (default: DATABASE_URL, which keeps the password out of
             the list of processes)

From: the embedded store in TURNPIKE_DATA_DIR (default .turnpike).
`,
} as const;

/** A command about the store, not about serving. */
export type StoreCommandName = keyof typeof storeHelp;
