import { JsonNumber } from '@turnpike/wire/json/value.ts';
import { usd } from '../catalog/decimal.ts';

/** An amount as a JSON number with all its decimals. */
export function dollars(nanoUsd: bigint): JsonNumber {
  return new JsonNumber(usd(nanoUsd));
}
