/** What a provider does with what it is sent, as far as the operator has it in writing. What is absent is not known. */
export interface DataTerms {
  /** Where requests are processed and kept: all places there may be. */
  readonly regions?: readonly string[] | undefined;
  /** How long requests and answers are kept, in days; 0 for not at all. */
  readonly retentionDays?: number | undefined;
  /** Are models trained on them? */
  readonly training?: boolean | undefined;
}
