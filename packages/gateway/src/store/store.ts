import type { ExchangeRow } from '../telemetry/exchange-row.ts';

/** What Turnpike keeps on disk, as everything above the database sees it. Built in one place, by `openStore`. */
export interface Store {
  /**
   * Writes all rows in one transaction: all of them, or none and an error. A row whose id is already there is left as it
   * is, so a batch whose outcome is unknown can be written again.
   *
   * @throws StoreError `busy` when another process holds the database; the batch is then worth writing again.
   */
  writeExchanges(rows: readonly ExchangeRow[]): Promise<void>;
  /** The latest exchanges first (ids sort by start), at most `limit` (1 to 1000), older than the id `before` when given. */
  recentExchanges(page: { limit: number; before?: string }): Promise<ExchangeRow[]>;
  exchange(id: string): Promise<ExchangeRow | undefined>;
  /** Small facts about the installation itself, by name. */
  readMeta(name: string): Promise<string | undefined>;
  writeMeta(name: string, value: string): Promise<void>;
  /** To be called once; nothing may be called afterwards. */
  close(): Promise<void>;
}

/**
 * Why a store could not be opened or written.
 *
 * `foreign`: the file is no database of ours, or damaged. `newer`: a later version of Turnpike wrote it. `busy`: another
 * process holds it. `unusable`: the disk or its permissions.
 */
export class StoreError extends Error {
  constructor(
    readonly code: 'foreign' | 'newer' | 'busy' | 'unusable',
    message: string,
    cause?: unknown,
  ) {
    super(message, { cause });
    this.name = 'StoreError';
  }
}
