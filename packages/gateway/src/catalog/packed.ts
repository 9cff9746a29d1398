/**
 * The form of `prices.txt`: a first line that names the source, then one line per provider of
 * `id ⇥ providers to look at when the model is not here ⇥ JSON list of models`. Lines are parsed when first asked for.
 * Figures are nano-USD per million tokens.
 */

/** The context window is in tokens, where it is known. */
export type PackedModel = [id: string, match: MatchRule, prices: PackedCondition[], contextWindow?: number];

/**
 * A rule on a lower-case model name. A text starts with its sigil: `=` equals, `^` starts with, `$` ends with,
 * `~` contains, `/` matches the regular expression. A list means any of them.
 */
export type MatchRule = string | MatchRule[] | { and: MatchRule[] };

/** A price, in force always, from a day on (`2026-08-21`), or daily between two times of day (`00:30:00Z`). */
export type PackedCondition =
  | [price: PackedPrice]
  | [price: PackedPrice, startDate: string]
  | [price: PackedPrice, startTime: string, endTime: string];

/** i input, o output, r cache read, w cache write, h cache write for an hour, a audio, i image, or reasoning. */
export interface PackedRates {
  i?: number;
  o?: number;
  r?: number;
  w?: number;
  h?: number;
  ia?: number;
  oa?: number;
  ii?: number;
  oi?: number;
  or?: number;
}

export interface PackedPrice extends PackedRates {
  /** Nano-USD per web search. */
  s?: number;
  /** Nano-USD per request. */
  q?: number;
  /** Whole tables for inputs longer than so many tokens, ascending. */
  t?: [aboveInputTokens: number, rates: PackedRates][];
}
