import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { nanoUsdOfUsd, nanoUsdPerMillionOfUsdPerToken, scaleDecimal } from './decimal.ts';

test('reads decimals exactly, with and without exponents', () => {
  expect(nanoUsdOfUsd('0.0375')).toBe(37_500_000n);
  expect(nanoUsdOfUsd(0.1)).toBe(100_000_000n);
  expect(nanoUsdOfUsd('2.')).toBe(2_000_000_000n);
  expect(nanoUsdPerMillionOfUsdPerToken(0.00000015)).toBe(150_000_000n);
  expect(nanoUsdPerMillionOfUsdPerToken('2.5e-06')).toBe(2_500_000_000n);
});

test('refuses what is no plain decimal or is too fine', () => {
  for (const text of ['-1', '', '1,5', 'abc', '0x10', '1e9999', 'NaN', '.5'])
    expect(scaleDecimal(text, 9)).toBeUndefined();
  expect(nanoUsdOfUsd('0.0000000001')).toBeUndefined();
});

test('says what BigInt says of the digits', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.integer({ min: 0, max: 9 }), (digits, places) => {
      const padded = digits.toString().padStart(places + 1, '0');
      const text = places === 0 ? padded : `${padded.slice(0, -places)}.${padded.slice(-places)}`;
      expect(scaleDecimal(text, 9)).toBe(digits * 10n ** BigInt(9 - places));
    }),
  );
});
