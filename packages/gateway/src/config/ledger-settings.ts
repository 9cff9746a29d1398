/** How its journal is kept. */
export interface JournalSettings {
  /**
   * What a record must survive before an attempt is sent and before the last byte of an answer: the end of the
   * `process`, or a `power` cut as well (then both wait for the disk).
   */
  readonly durability: 'process' | 'power';
  /** When the journal takes nothing: `refuse` further exchanges, or `serve` them with their accounts in memory only. */
  readonly onJournalFailure: 'refuse' | 'serve';
  /** What may wait in the journal while the database is gone. */
  readonly journalBytesMax: number;
}

/** How the ledger is kept; from `ledger` in turnpike.yaml. */
export interface LedgerSettings extends JournalSettings {
  /** Names that callers make up (of models under a wildcard, of end users, tags) that are told apart in a UTC day, of each kind. */
  readonly namesPerDayMax: number;
  /** Are end users named in entries, and summed, where no limit, budget or stored end user asks for them? */
  readonly endUsers: boolean;
  /** Are tags of requests? */
  readonly tags: boolean;
}

export const ledgerDefaults: LedgerSettings = {
  durability: 'process',
  onJournalFailure: 'refuse',
  journalBytesMax: 1024 * 1024 * 1024,
  namesPerDayMax: 10_000,
  endUsers: false,
  tags: false,
};
