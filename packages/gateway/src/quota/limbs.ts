/**
 * Amounts as Lua can reckon with them: its numbers are doubles, exact up to 2^53, and money goes past that. An amount is
 * `high * 10^15 + low` with `0 <= low < 10^15`; `high` carries the sign.
 */
const LIMB = 10n ** 15n;
/** Far above all the money there is, in nano-USD; sums of a million of these are still exact. */
export const AMOUNT_MAX = 10n ** 24n;

/** @throws RangeError beyond 10^24 either way. */
export function limbsOf(amount: bigint): [high: string, low: string] {
  if (amount > AMOUNT_MAX || amount < -AMOUNT_MAX) throw new RangeError(`${amount} is more than can be shared.`);
  if (amount >= 0n && amount < LIMB) return ['0', amount.toString()];
  const low = ((amount % LIMB) + LIMB) % LIMB;
  return [((amount - low) / LIMB).toString(), low.toString()];
}

/** @param text `high low`, as scripts write it. */
export function amountOf(text: string): bigint {
  const space = text.indexOf(' ');
  return BigInt(text.slice(0, space)) * LIMB + BigInt(text.slice(space + 1));
}
