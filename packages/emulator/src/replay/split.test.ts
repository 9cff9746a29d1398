import { expect, test } from 'bun:test';
import { joinBytes } from '../http/wire-plan.ts';
import { resplit, type Split, stepsByEvent } from './split.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test.each([
  ['line feeds', 'data: 1\n\ndata: 2\n\n', ['data: 1\n\n', 'data: 2\n\n']],
  ['both', 'data: 1\r\n\r\ndata: 2\r\n\r\n', ['data: 1\r\n\r\n', 'data: 2\r\n\r\n']],
  ['carriage returns', 'a: 1\r\rb', ['a: 1\r\r', 'b']],
  ['no end', 'data: 1\n\ndata: 2', ['data: 1\n\n', 'data: 2']],
  ['lines of one event', 'event: a\ndata: 1\n\n', ['event: a\ndata: 1\n\n']],
  ['nothing', '', []],
])('events with %s', (_what, text, expected) => {
  expect(stepsByEvent(encode(text)).map((step) => decode(step.bytes))).toEqual(expected);
});

const STEPS = [{ bytes: encode('abcdef') }, { bytes: encode('ghi') }, { bytes: encode('jkl'), waitMs: 5 }];

test.each<[Split, string[]]>([
  ['event', ['abcdef', 'ghi', 'jkl']],
  ['recorded', ['abcdef', 'ghi', 'jkl']],
  [4, ['abcd', 'efgh', 'i', 'jkl']],
  ['byte', [...'abcdefghijkl']],
])('split %p', (split, expected) => {
  const cut = resplit(STEPS, split);
  expect(cut.map((step) => decode(step.bytes))).toEqual(expected);
  expect(cut.filter((step) => step.waitMs === 5)).toHaveLength(1);
});

test('recorded sizes, across events; what they do not cover is one piece', () => {
  expect(
    resplit([{ bytes: encode('abcdef') }, { bytes: encode('ghi') }], 'recorded', [2, 5]).map((step) =>
      decode(step.bytes),
    ),
  ).toEqual(['ab', 'cdefg', 'hi']);
});

test('seeded sizes repeat, differ by seed and lose nothing', () => {
  const bytes = encode('0123456789'.repeat(50));
  const cut = (seed: number) => resplit([{ bytes }], { seed });
  expect(cut(1)).toEqual(cut(1));
  expect(cut(1).map((step) => step.bytes.length)).not.toEqual(cut(2).map((step) => step.bytes.length));
  expect(joinBytes(cut(3).map((step) => step.bytes))).toEqual(bytes);
  expect(Math.max(...cut(3).map((step) => step.bytes.length))).toBeLessThanOrEqual(64);
});
