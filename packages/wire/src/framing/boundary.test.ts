import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { EventSplitter } from './boundary.ts';
import { SseDecoder, type SseEvent } from './sse.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

function split(chunks: Uint8Array[]): { events: string[]; rest: string } {
  const splitter = new EventSplitter();
  const events: string[] = [];
  for (const chunk of chunks) splitter.push(chunk, (event) => events.push(decode(event)));
  const rest = splitter.takePending();
  expect(splitter.atBoundary).toBe(true);
  return { events, rest: decode(rest) };
}

describe('ranges', () => {
  const cases: [string, string[], string][] = [
    ['LF', ['data: x\n\n', 'event: a\ndata: y\n\n'], ''],
    ['CRLF', ['data: x\r\n\r\n', 'event: a\r\ndata: y\r\n\r\n'], ''],
    ['CR', ['data: x\r\r', 'event: a\rdata: y\r\r', 'data: z\r\n\r\n'], ''],
    ['mixed', ['data: x\r\n\n', 'data: y\n\r\n', 'data: a\rdata: z\n\n'], ''],
    ['comments', [': hi\n\n', 'data: x\n\n'], ''],
    ['a blank line too many', ['data: x\n\n', '\n', 'data: y\n\n'], ''],
    ['a blank line first', ['\n', '\r\n', 'data: y\n\n'], ''],
    ['an unfinished event', ['data: x\n\n'], 'data: y\n'],
    ['a final CR that may get its LF', ['data: x\r\n\r\n'], 'data: y\r\n\r'],
    ['other characters', ['data: é世😀\n\n', '\ufeffdata: x\n\n'], ''],
  ];
  test.each(cases)('%s, cut at every two places', (_, events, rest) => {
    const bytes = encode(events.join('') + rest);
    for (let i = 0; i <= bytes.length; i++) {
      for (let j = i; j <= bytes.length; j++) {
        const chunks = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)];
        expect(split(chunks)).toEqual({ events, rest });
      }
    }
    expect(split(Array.from(bytes, (byte) => new Uint8Array([byte])))).toEqual({ events, rest });
  });

  test('an event inside one chunk is a view of it', () => {
    const chunk = encode('data: x\n\ndata: y\n\n');
    const whole = encode('data: z\n\n');
    const seen: Uint8Array[] = [];
    const splitter = new EventSplitter();
    splitter.push(chunk, (event) => seen.push(event));
    splitter.push(whole, (event) => seen.push(event));
    expect(seen.map((event) => event.buffer)).toEqual([chunk.buffer, chunk.buffer, whole.buffer]);
    expect(seen[2]).toBe(whole);
  });

  test('says what is pending', () => {
    const splitter = new EventSplitter();
    const none = () => expect.unreachable();
    expect(splitter.atBoundary).toBe(true);
    splitter.push(encode('data: x\n'), none);
    expect([splitter.atBoundary, splitter.pendingBytes]).toEqual([false, 8]);
    splitter.push(encode(''), none);
    splitter.push(encode('\n'), () => {});
    expect([splitter.atBoundary, splitter.pendingBytes]).toEqual([true, 0]);
  });

  test('an event larger than allowed is a fault', () => {
    const splitter = new EventSplitter({ eventBytesMax: 10 });
    for (let i = 0; i < 9; i++) splitter.push(encode('data:12\n\n'), () => {});
    splitter.push(encode('data: 1234'), () => {});
    expect(() => splitter.push(encode('5'), () => {})).toThrow(Fault);
  });
});

test('property: the ranges make up the stream, and each decodes alone to what it is in the stream', () => {
  const piece = fc.constantFrom(
    'data: a',
    'data',
    'event: b',
    ': c',
    'é',
    '\n',
    '\n',
    '\r\n',
    '\r',
    '\n\n',
    '\r\n\r\n',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.array(fc.nat(80)), (pieces, cuts) => {
      const bytes = encode(pieces.join(''));
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((to, i) => bytes.subarray(at[i], to));
      const { events, rest } = split(chunks);
      expect(events.join('') + rest).toBe(pieces.join(''));
      const alone: SseEvent[] = [];
      for (const event of [...events, rest]) {
        const found = [...new SseDecoder().push(encode(event))];
        expect(found.length).toBeLessThanOrEqual(1);
        alone.push(...found);
      }
      expect(alone).toEqual(new SseDecoder().push(bytes));
    }),
    { numRuns: 2000 },
  );
});
