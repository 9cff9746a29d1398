/** What a token costs, in nano-USD. */
export const INPUT_NANO = 1_237;
export const OUTPUT_NANO = 2_009;

/** What a call is made as, beside its words. */
export interface CallerWords {
  readonly key: string;
  readonly endUser?: string;
  readonly tags?: string;
  /** What the models' names begin with: it says who serves. Default: one of the two main providers. */
  readonly provider?: 'dear';
  /** Begins the name the provider knows. */
  readonly family?: string;
}

/** One call as its client saw it. Times are of the client's clock, in milliseconds. */
export interface LoadCall {
  readonly level: string;
  readonly words: CallerWords;
  /** The provider's name of the model: one for each call, so that ledger, bill and client can be matched. */
  readonly model: string;
  readonly sentAtMs: number;
  /** The most it can cost. */
  readonly boundNanoUsd: bigint;
  endedAtMs: number;
  /** 0 when the connection broke. */
  status: number;
  /** `whole`: had to its end. `left`: by the client. `broken`: by the gateway's end. `refused`: by a budget. */
  end: 'whole' | 'left' | 'broken' | 'refused' | 'failed';
  /** What came in place of an answer. */
  said?: string;
}
