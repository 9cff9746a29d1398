import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { EventGate } from './event-gate.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (parts: Uint8Array[]) => parts.map((part) => new TextDecoder().decode(part)).join('');

const stream = 'data: {"a":1}\n\nevent: x\ndata: {"b":2}\n\n: comment\n\ndata: {"c":3}\r\n\r\ndata: [DONE]\n\n';

/** Cuts `input` at the given places and pushes the pieces. */
function passed(gate: EventGate, input: string, cuts: readonly number[]): string {
  const all = bytes(input);
  const places = [...new Set([0, ...cuts.map((cut) => cut % (all.length + 1)), all.length])].sort((a, b) => a - b);
  const out = places.slice(1).map((end, index) => gate.push(all.subarray(places[index], end)));
  return text([...out, gate.flush()]);
}

describe('EventGate', () => {
  test('passes a chunk of whole events as the same array', () => {
    const gate = new EventGate((event) => event);
    const chunk = bytes(stream);
    expect(gate.push(chunk)).toBe(chunk);
    expect(gate.flush()).toHaveLength(0);
  });

  test('passes the same bytes and shows the same events wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        const seen: string[] = [];
        const gate = new EventGate((event) => {
          seen.push(text([event]));
          return event;
        });
        expect(passed(gate, stream, cuts)).toBe(stream);
        expect(seen.join('')).toBe(stream);
        expect(seen).toHaveLength(5);
      }),
    );
  });

  test('never passes a part of an event', () => {
    const gate = new EventGate((event) => event);
    for (const byte of bytes('data: {"a":1}\n')) expect(gate.push(Uint8Array.of(byte))).toHaveLength(0);
    expect(text([gate.push(bytes('\n'))])).toBe('data: {"a":1}\n\n');
  });

  test('takes out and changes what the observer says, byte for byte leaving the rest', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        const gate = new EventGate((event) => {
          const said = text([event]);
          if (said.includes('"b"')) return new Uint8Array(0);
          return said.includes('"c"') ? bytes('data: {"d":4}\n\n') : event;
        });
        expect(passed(gate, stream, cuts)).toBe('data: {"a":1}\n\n: comment\n\ndata: {"d":4}\n\ndata: [DONE]\n\n');
      }),
    );
  });

  test('closes at a broken event, wherever it was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), (cuts) => {
        const gate = new EventGate((event) => event);
        const out = passed(gate, 'data: {"a":1}\n\ndata: {"b": oops\n\ndata: {"c":3}\n\n', cuts);
        expect(out).toBe('data: {"a":1}\n\n');
        expect(gate.fault?.code).toBe('upstream_garbled');
      }),
    );
  });

  test('at the end, passes an event without its blank line but no torn one', () => {
    const whole = new EventGate((event) => event);
    expect(passed(whole, 'data: {"a":1}\n\ndata: [DONE]', [])).toBe('data: {"a":1}\n\ndata: [DONE]');
    const torn = new EventGate((event) => event);
    expect(passed(torn, 'data: {"a":1}\n\ndata: {"b":', [])).toBe('data: {"a":1}\n\n');
    expect(torn.fault).toBeUndefined();
  });
});
