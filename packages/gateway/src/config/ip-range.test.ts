import { expect, test } from 'bun:test';
import { isInRange, parseIpRange } from './ip-range.ts';

function isIn(range: string, address: string): boolean {
  const parsed = parseIpRange(range);
  if (parsed === undefined) throw new Error(`${range} was not read`);
  return isInRange(parsed, address);
}

test.each([
  ['10.0.0.0/8', '10.255.255.255', true],
  ['10.0.0.0/8', '11.0.0.0', false],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.3', '10.1.2.4', false],
  ['10.1.2.99/31', '10.1.2.98', true],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['0.0.0.0/0', '::1', false],
  ['10.0.0.0/8', '::ffff:10.1.1.1', true],
  ['10.0.0.0/8', '::ffff:0a01:0101', true],
  ['2001:db8::/32', '2001:db8:ffff::1', true],
  ['2001:db8::/32', '2001:db9::', false],
  ['::1', '0:0:0:0:0:0:0:1', true],
  ['::/0', 'fe80::1', true],
  ['::/0', '10.0.0.1', false],
  ['2001:db8::10.0.0.1', '2001:db8::a00:1', true],
  ['10.0.0.0/8', 'nonsense', false],
])('%s, %s: %p', (range, address, isThere) => expect(isIn(range, address)).toBe(isThere));

test.each([
  '',
  '10.0.0',
  '10.0.0.256',
  '010.0.0.1',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '::/129',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '12345::',
  'g::',
])('%p is no range', (text) => expect(parseIpRange(text)).toBeUndefined());
