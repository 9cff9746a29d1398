import { scaleDecimal, usd } from '../../catalog/decimal.ts';
import type { LitellmAmount } from './rule-schemas.ts';

const PLACES = 40;

/** The line as a decimal of nine places. What is spent is whole nano-dollars: less than one more makes no difference. */
export function usdLine(amount: LitellmAmount): string {
  const scaled = scaleDecimal(amount, PLACES) ?? 0n; // Not one of forty places: nothing.
  return usd(scaled / 10n ** BigInt(PLACES - 9));
}

/** A line as the number it was written as. */
export function numberOfLine(amount: string | number | undefined): number | null {
  return amount === undefined ? null : Number(amount);
}

export function numberOfNanoUsd(nanoUsd: bigint): number {
  return Number(usd(nanoUsd));
}
