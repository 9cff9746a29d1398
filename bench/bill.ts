import { Database } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What every answer of the upstream costs at the prices Turnpike is given here, in nano-USD: 61 tokens in at $2.50 and
 * 114 out at $10 per million. The same in both dialects, streamed or not.
 */
export const COST_NANO_USD = 61 * 2_500 + 114 * 10_000;

/** What Turnpike's log says of a run, beside what the load generator saw. A fast gateway that forgets is not fast. */
export interface Bill {
  /** Proper answers the generator read to their end. */
  readonly answered: number;
  /** Exchanges in the log that succeeded. */
  readonly logged: number;
  /** Of these, ones with usage read from the provider and exactly the right cost. */
  readonly exact: number;
}

/** Reads the log of a gateway that has stopped. Undefined when it left no database. */
export function readBill(dataDir: string, answered: number): Bill | undefined {
  const path = join(dataDir, 'turnpike.db');
  if (!existsSync(path)) return undefined;
  const database = new Database(path, { readonly: true });
  try {
    const row = database
      .query<{ logged: number; exact: number | null }, [number]>(
        `SELECT count(*) AS logged, sum(cost_nano_usd = ? AND is_estimated = 0 AND usage IS NOT NULL) AS exact
           FROM exchange_log WHERE status = 200 AND fault IS NULL`,
      )
      .get(COST_NANO_USD);
    return { answered, logged: row?.logged ?? 0, exact: row?.exact ?? 0 };
  } finally {
    database.close();
  }
}
