/**
 * What a model costs. All figures are integers in nano-USD (1e-9 USD) per *million* tokens, so that prices finer than
 * a nano-dollar per token stay exact: $0.0375 per million tokens is 37_500_000n.
 */
export interface Price {
  input: bigint;
  output: bigint;
  cacheRead?: bigint;
  cacheWrite?: bigint;
  /** Cache entries kept for an hour. */
  cacheWrite1h?: bigint;
  inputAudio?: bigint;
  outputAudio?: bigint;
  /** Where pictures are priced apart from text. Absent: as text. */
  inputImage?: bigint;
  outputImage?: bigint;
  /** Where reasoning is priced apart from the rest of the output. Absent: as output. */
  outputReasoning?: bigint;
  /** Nano-USD per request, on top of tokens. */
  perRequest?: bigint;
  /** Nano-USD per call of a tool the provider runs, by the name usage reports it under (`web_search_requests`). */
  serverToolCalls?: Readonly<Record<string, bigint>>;
  /**
   * Prices for long prompts: when the input is longer than `aboveInputTokens`, *all* tokens of the request are charged
   * at `price`. Ascending; the last one that applies holds.
   */
  tiers?: readonly { aboveInputTokens: number; price: Price }[];
  /** Where the figures come from: `configuration`, or the catalogue's name and version. */
  source: string;
}
