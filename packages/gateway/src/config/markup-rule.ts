import { nanoUsdOfUsd, scaleDecimal, usd } from '../catalog/decimal.ts';

/** What is charged on top of what a provider costs. */
export interface Markup {
  /** Millionths of a percent of the cost; below 0 for a discount. */
  readonly percentMillionths: bigint;
  /** Nano-USD for each call that did not fail. */
  readonly perCallNanoUsd: bigint;
}

/** What a markup can be of, the innermost first: it decides alone. */
export const markupLevels = ['key', 'project', 'team', 'organisation'] as const;
export type MarkupLevel = (typeof markupLevels)[number];

/** A markup, of whom, and from when on. */
export interface MarkupRule extends Markup {
  /** Undefined: of everybody who has none of their own. */
  readonly level: { readonly type: MarkupLevel; readonly id: string } | undefined;
  /** Unix milliseconds. */
  readonly fromMs: number;
}

export interface MarkupEntry {
  readonly percent?: string | number | undefined;
  readonly perCall?: string | number | undefined;
  readonly fromMs?: number | undefined;
}

const MILLION = 1_000_000n;
const PERCENT_MIN = -100n * MILLION;
const PERCENT_MAX = 10_000n * MILLION;
const PER_CALL_NANO_MAX = 1_000n * 1_000_000_000n;

/** The rule an entry of a `markups` list stands for, or what is wrong with it. */
export function readMarkup(
  level: MarkupRule['level'],
  { percent, perCall, fromMs = 0 }: MarkupEntry,
): MarkupRule | { message: string; hint: string } {
  if (percent === undefined && perCall === undefined) {
    return { message: 'adds nothing', hint: 'Give it a percent of the cost, or an amount in US dollars as perCall.' };
  }
  const percentMillionths = percent === undefined ? 0n : signedMillionths(percent);
  if (percentMillionths === undefined || percentMillionths < PERCENT_MIN || percentMillionths > PERCENT_MAX) {
    return {
      message: 'has a percent that cannot be kept exactly',
      hint: 'Use -100 to 10000, with at most six decimals.',
    };
  }
  const perCallNanoUsd = perCall === undefined ? 0n : nanoUsdOfUsd(perCall);
  if (perCallNanoUsd === undefined || perCallNanoUsd > PER_CALL_NANO_MAX) {
    return {
      message: 'has an amount that cannot be kept exactly',
      hint: 'Use at most nine decimals, up to 1000 dollars.',
    };
  }
  return { level, fromMs, percentMillionths, perCallNanoUsd };
}

/** `12.5` */
export function percentText({ percentMillionths }: Pick<Markup, 'percentMillionths'>): string {
  // Nine places as for dollars, six of which it has.
  return usd(percentMillionths * 1_000n);
}

function signedMillionths(percent: string | number): bigint | undefined {
  const text = String(percent);
  const size = scaleDecimal(text.replace(/^-/, ''), 6);
  return size !== undefined && text.startsWith('-') ? -size : size;
}
