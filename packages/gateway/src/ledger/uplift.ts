import type { Markup } from '../config/markup-rule.ts';

/** One percent of one percent's millionths: what a cost is divided by. */
const WHOLE = 100_000_000n;

/**
 * What is charged beyond the cost, in nano-USD. The percentage of each entry is rounded to whole nano-dollars, halves away
 * from zero, and sums are sums of what was rounded: lines always make up their total, and what takes a cost back takes its
 * uplift back too.
 *
 * @param isCall Is it a call that did not fail, so that its fixed amount is due?
 */
export function upliftOf(markup: Markup, costNanoUsd: bigint | undefined, isCall: boolean): bigint {
  return percentOf(costNanoUsd ?? 0n, markup.percentMillionths) + (isCall ? markup.perCallNanoUsd : 0n);
}

function percentOf(costNanoUsd: bigint, percentMillionths: bigint): bigint {
  const product = costNanoUsd * percentMillionths;
  const half = WHOLE / 2n;
  return (product < 0n ? product - half : product + half) / WHOLE;
}

/** A markup as journal and database keep it. */
export interface WrittenMarkup {
  readonly percentMillionths: string;
  readonly perCallNanoUsd: string;
}

/** Rules live as long as the configuration, so each is written out once. */
const texts = new WeakMap<Markup, string>();

export function markupJson(markup: Markup): string {
  let text = texts.get(markup);
  if (text === undefined) {
    const { percentMillionths, perCallNanoUsd } = markup;
    text = `{"percentMillionths":"${percentMillionths}","perCallNanoUsd":"${perCallNanoUsd}"}`;
    texts.set(markup, text);
  }
  return text;
}

export function readWrittenMarkup({ percentMillionths, perCallNanoUsd }: WrittenMarkup): Markup {
  return { percentMillionths: BigInt(percentMillionths), perCallNanoUsd: BigInt(perCallNanoUsd) };
}
