import type { LedgerEntry } from '../ledger/entry.ts';
import type { Database } from './database.ts';
import { entryColumns, readEntry } from './ledger-table.ts';
import type { LedgerEntryColumns } from './tables.ts';

/** More than people enter within minutes; an import that goes beyond is read as far as this. */
const BY_HAND_MAX = 10_000;

const SELECT = `SELECT ${entryColumns.join(', ')} FROM ledger_entry`;

export async function ledgerEntry(database: Database, id: string): Promise<LedgerEntry | undefined> {
  const [row] = await database.rows<LedgerEntryColumns>(`${SELECT} WHERE id = ?`, [id]);
  return row === undefined ? undefined : readEntry(row);
}

/** What was entered by hand at a time or later, the earliest first. */
export async function ledgerByHand(database: Database, enteredFromMs: number): Promise<LedgerEntry[]> {
  const rows = await database.rows<LedgerEntryColumns>(
    `${SELECT} WHERE kind <> 'attempt' AND settled_at_ms >= ? ORDER BY settled_at_ms, id LIMIT ${BY_HAND_MAX}`,
    [enteredFromMs],
  );
  return rows.map(readEntry);
}

/** Has anything ever counted against a scope? */
export async function hasLedgerScope(database: Database, scope: string): Promise<boolean> {
  const rows = await database.rows('SELECT scope FROM ledger_rollup WHERE scope = ? LIMIT 1', [scope]);
  return rows.length > 0;
}
