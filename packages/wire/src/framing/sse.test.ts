import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { encodeSse, SseDecoder, type SseEvent, sseComment } from './sse.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function decode(chunks: Uint8Array[]): { events: SseEvent[]; truncated: boolean } {
  const decoder = new SseDecoder();
  const events = chunks.flatMap((chunk) => decoder.push(chunk));
  const last = decoder.end();
  return { events: [...events, ...last.events], truncated: last.truncated };
}

const decodeText = (text: string) => decode([encode(text)]);

describe('reading', () => {
  const cases: [string, string, SseEvent[]][] = [
    ['one event', 'data: x\n\n', [{ data: 'x' }]],
    ['no space after the colon', 'data:x\n\n', [{ data: 'x' }]],
    ['only one space is taken', 'data:  x \n\n', [{ data: ' x ' }]],
    ['event and id', 'event: a\nid: 7\ndata: x\n\n', [{ event: 'a', id: '7', data: 'x' }]],
    [
      'names and ids do not carry over',
      'event: a\nid: 7\ndata: x\n\ndata: y\n\n',
      [{ event: 'a', id: '7', data: 'x' }, { data: 'y' }],
    ],
    ['several lines of data', 'data: a\ndata\ndata: b\n\n', [{ data: 'a\n\nb' }]],
    ['empty data', 'data\n\ndata:\n\n', [{ data: '' }, { data: '' }]],
    ['comments and unknown fields', ': hi\nretry: 3\nfoo: bar\ndata: x\n: there\n\n', [{ data: 'x' }]],
    ['no data, no event', 'event: a\n\nid: 1\n\ndata: x\n\n', [{ data: 'x' }]],
    ['blank lines between', '\n\n\ndata: x\n\n\n\n\ndata: y\n\n', [{ data: 'x' }, { data: 'y' }]],
    ['CRLF', 'event: a\r\ndata: x\r\n\r\ndata: y\r\n\r\n', [{ event: 'a', data: 'x' }, { data: 'y' }]],
    ['CR', 'event: a\rdata: x\r\rdata: y\r\r', [{ event: 'a', data: 'x' }, { data: 'y' }]],
    ['mixed line ends', 'data: a\rdata: b\r\ndata: c\n\r\ndata: d\n\r', [{ data: 'a\nb\nc' }, { data: 'd' }]],
    ['a byte order mark', '\ufeffdata: x\n\n', [{ data: 'x' }]],
    ['an id with a null character is ignored', 'id: a\0b\ndata: x\n\n', [{ data: 'x' }]],
    ['field names are exact', 'Data: x\n data: y\ndata: z\n\n', [{ data: 'z' }]],
    ['characters of every length', 'data: aé世😀\n\n', [{ data: 'aé世😀' }]],
  ];
  test.each(cases)('%s', (_, text, events) => {
    expect(decodeText(text)).toEqual({ events, truncated: false });
  });

  test.each(cases)('%s, cut at every two places', (_, text, events) => {
    const bytes = encode(text);
    for (let i = 0; i <= bytes.length; i++) {
      for (let j = i; j <= bytes.length; j++) {
        const chunks = [bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)];
        expect(decode(chunks)).toEqual({ events, truncated: false });
      }
    }
  });

  test.each(cases)('%s, byte by byte', (_, text, events) => {
    expect(decode(Array.from(encode(text), (byte) => new Uint8Array([byte])))).toEqual({ events, truncated: false });
  });

  const cut: [string, SseEvent[], boolean][] = [
    ['data: x\n\ndata: [DONE]', [{ data: 'x' }, { data: '[DONE]' }], true],
    ['data: x\n\ndata: [DONE]\n', [{ data: 'x' }, { data: '[DONE]' }], true],
    ['data: x\n\nevent: a\n', [{ data: 'x' }], true],
    ['data: x\n\n: bye', [{ data: 'x' }], false],
    ['data: x\r\n\r', [{ data: 'x' }], false],
    ['', [], false],
  ];
  test.each(cut)('a stream that ends with %j', (text, events, truncated) => {
    expect(decodeText(text)).toEqual({ events, truncated });
  });

  test('an event comes as soon as its blank line does', () => {
    const decoder = new SseDecoder();
    expect(decoder.push(encode('data: x\r\n'))).toEqual([]);
    expect(decoder.push(encode('\r'))).toEqual([{ data: 'x' }]);
    expect(decoder.push(encode('\ndata: y\r\n\r\n'))).toEqual([{ data: 'y' }]);
  });

  test('damaged characters are replaced', () => {
    expect(decode([new Uint8Array([...encode('data: '), 0xff, 0x0a, 0x0a])]).events).toEqual([{ data: '\ufffd' }]);
    expect(decode([new Uint8Array([...encode('data: '), 0xe4, 0xb8])]).events).toEqual([{ data: '\ufffd' }]);
  });
});

describe('bounds', () => {
  test.each([
    'data: xxxxxxxxxxxxxxxxxxxxxxxx',
    'data: x\ndata: x\ndata: x\ndata: x\ndata: x\ndata: x\n',
    ': xxxxxxxxxxxxxxxxxxxxxxxx',
  ])('an event larger than allowed is a fault: %j', (text) => {
    const feed = () => {
      const decoder = new SseDecoder({ eventBytesMax: 10 });
      for (const byte of encode(text)) decoder.push(new Uint8Array([byte]));
    };
    expect(feed).toThrow(Fault);
    expect(feed).toThrow('larger than 10 bytes');
  });

  test('the bound is on one event, not on the stream', () => {
    const decoder = new SseDecoder({ eventBytesMax: 10 });
    for (let i = 0; i < 100; i++) expect(decoder.push(encode('data: 123\n\n'))).toEqual([{ data: '123' }]);
  });

  test('a large event in small chunks takes linear time', () => {
    const feed = (size: number) => {
      const decoder = new SseDecoder();
      const chunk = encode('x'.repeat(64));
      const before = performance.now();
      decoder.push(encode('data: '));
      for (let sent = 0; sent < size; sent += 64) decoder.push(chunk);
      const [event] = decoder.push(encode('\n\n'));
      expect(event?.data.length).toBe(size);
      return performance.now() - before;
    };
    feed(1 << 18);
    // Quadratic work would take a hundred times as long for ten times the bytes: 4 s and more.
    expect(feed(8 << 20)).toBeLessThan(2000);
  });
});

describe('writing', () => {
  test('events and comments', () => {
    expect(encodeSse({ data: '{"a":1}' })).toBe('data: {"a":1}\n\n');
    expect(encodeSse({ event: 'e', id: '1', data: 'x\ny' })).toBe('event: e\nid: 1\ndata: x\ndata: y\n\n');
    expect(sseComment('still here')).toBe(': still here\n\n');
    expect(decodeText(sseComment('a\ndata: b')).events).toEqual([]);
  });

  test('a line end in a name or id would forge fields, so it is refused', () => {
    expect(() => encodeSse({ event: 'a\ndata: forged', data: '' })).toThrow(Fault);
    expect(() => encodeSse({ id: 'a\r', data: '' })).toThrow(Fault);
  });
});

describe('properties', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((text) => !/[\r\n\0]/.test(text));
  const event: fc.Arbitrary<SseEvent> = fc.record(
    {
      event: line.filter((name) => name !== ''),
      id: line,
      data: fc.array(line, { minLength: 1 }).map((lines) => lines.join('\n')),
    },
    { requiredKeys: ['data'], noNullPrototype: true },
  );

  test('what is written is read back, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(event, fc.boolean())),
        fc.array(fc.nat(200)),
        fc.constantFrom('\n', '\r\n', '\r'),
        (events, cuts, end) => {
          const text = events.map(([each, comment]) => encodeSse(each) + (comment ? sseComment('c') : '')).join('');
          const bytes = encode(text.replaceAll('\n', end));
          const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
          const chunks = at.slice(1).map((to, i) => bytes.subarray(at[i], to));
          expect(decode(chunks)).toEqual({ events: events.map(([each]) => each), truncated: false });
        },
      ),
      { numRuns: 300 },
    );
  });
});
