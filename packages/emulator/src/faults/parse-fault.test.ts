import { expect, test } from 'bun:test';
import { describeFaults, FaultSyntaxError, parseFaults } from './parse-fault.ts';

test('names, defaults, bare and named parameters, several joined', () => {
  expect(parseFaults('reset')).toEqual([{ kind: 'reset' }]);
  expect(parseFaults('stall')).toEqual([{ kind: 'stall', after: 2, ms: undefined }]);
  expect(parseFaults('stall,5,200')).toEqual([{ kind: 'stall', after: 5, ms: 200 }]);
  expect(parseFaults('status,429,retryDateSec=30,message=Slow down')).toEqual([
    { kind: 'status', code: 429, retryAfterSec: undefined, retryDateSec: 30, message: 'Slow down' },
  ]);
  expect(parseFaults('slow-first-byte,ms=50 + cut-reset,after=1')).toEqual([
    { kind: 'slow-first-byte', ms: 50 },
    { kind: 'cut-reset', after: 1 },
  ]);
  expect(parseFaults('')).toEqual([]);
});

test.each(['toString', 'stall,when=2', 'stall,after=soon', 'reset,1', 'trickle,bytes='])('refuses "%s"', (text) => {
  expect(() => parseFaults(text)).toThrow(FaultSyntaxError);
});

test('the help text names every fault, and each line of it can be parsed back', () => {
  const lines = describeFaults().split('\n');
  expect(lines.length).toBeGreaterThan(15);
  for (const line of lines) {
    const name = line.trim().split(',')[0] ?? '';
    expect(parseFaults(name)[0]?.kind as string).toBe(name);
  }
});
