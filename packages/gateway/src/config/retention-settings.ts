/** For how long what happened is kept in detail; from `retention` in turnpike.yaml. Absent: for ever. */
export interface RetentionSettings {
  /** Days that exchanges stay in the log. */
  readonly exchangeLogDays?: number | undefined;
  /** Days that attempts stay in the ledger; their sums stay. */
  readonly ledgerDays?: number | undefined;
}
