/**
 * Exact conversion between written decimals and integers. A JavaScript number stands for the decimal it prints as:
 * `0.1` is one tenth, as whoever wrote it into a file meant.
 */

const decimalForm = /^([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?$/;

/**
 * `text` × 10^`places` as an integer, when that is exact.
 *
 * @returns undefined for anything that is not a plain non-negative decimal, or that has digits beyond `places`.
 */
export function scaleDecimal(text: string | number, places: number): bigint | undefined {
  const match = decimalForm.exec(String(text).trim());
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const shift = places + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  if (digits === 0n) return 0n;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : undefined;
}

/** USD per million tokens → nano-USD per million tokens. */
export function nanoUsdOfUsd(usd: string | number): bigint | undefined {
  return scaleDecimal(usd, 9);
}

/** As {@link nanoUsdOfUsd}, of an amount that may be below zero: `-1.25`. */
export function signedNanoUsdOfUsd(usd: string | number): bigint | undefined {
  const [, sign, digits = ''] = /^([+-]?)(.*)$/s.exec(String(usd).trim()) ?? [];
  const nanoUsd = nanoUsdOfUsd(digits);
  return sign === '-' && nanoUsd !== undefined ? -nanoUsd : nanoUsd;
}

/** USD per token → nano-USD per million tokens. */
export function nanoUsdPerMillionOfUsdPerToken(usd: string | number): bigint | undefined {
  return scaleDecimal(usd, 15);
}

/** Nano-USD as a decimal in USD, exact: `1234n` is `0.000001234`. */
export function usd(nanoUsd: bigint): string {
  const sign = nanoUsd < 0n ? '-' : '';
  const digits = (nanoUsd < 0n ? -nanoUsd : nanoUsd).toString().padStart(10, '0');
  const point = digits.length - 9;
  let end = digits.length;
  while (end > point && digits.endsWith('0', end)) end--;
  return `${sign}${digits.slice(0, point)}${end === point ? '' : `.${digits.slice(point, end)}`}`;
}
