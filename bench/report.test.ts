import { expect, test } from 'bun:test';
import type { Bill } from './bill.ts';
import { parseOptions } from './options.ts';
import { report } from './report.ts';
import type { BenchResult } from './results.ts';
import { spread } from './statistics.ts';
import { verdicts } from './thresholds.ts';

function resultWith(turnpikeUs: number): BenchResult {
  const lane = (name: string, cpuUs: number) => ({ lane: name, cpuUs: spread([cpuUs]), invalid: [] });
  const lanes = [lane('B', 40), lane('turnpike', turnpikeUs), lane('portkey', 1400)];
  return {
    startedAt: '2026-01-01T00:00:00Z',
    mode: 'quick',
    machine: {},
    foreignShare: 0.01,
    leftOut: { nginx: 'nginx is not installed' },
    measures: [{ id: 'small', title: 'small', lanes }],
    memory: [{ peer: 'turnpike', idleBytes: 80e6, heldBytes: 100e6, afterBytes: 81e6, afterSeconds: 10 }],
  };
}

test('promises are met or not by the figures of the run', () => {
  const met = (turnpikeUs: number) => verdicts(resultWith(turnpikeUs)).map(({ isMet }) => isMet);
  expect(met(59).slice(0, 6)).toEqual([true, true, undefined, false, true, true]);
  expect(met(61).slice(0, 2)).toEqual([false, true]);
  expect(met(79).slice(0, 2)).toEqual([false, false]);
});

test('the report says what is not met, not measured and left out', () => {
  const text = report(resultWith(61));
  expect(text).toMatch(/CPU per request, of B ≤\s+1.50 ×\s+1.52 ×\s+NOT MET/);
  expect(text).toMatch(/of Portkey ≤\s+1\/18.0\s+1\/23.0\s+met/);
  expect(text).toContain('not measured');
  expect(text).toContain('Left out: nginx: nginx is not installed.');
});

test('answers that were not logged, or not with their cost, are told', () => {
  const told = (bill: Bill) => report({ ...resultWith(50), bill }).includes('NOT ALL');
  expect(told({ answered: 10, logged: 10, exact: 10 })).toBe(false);
  expect(told({ answered: 10, logged: 9, exact: 9 })).toBe(true);
  expect(told({ answered: 10, logged: 10, exact: 9 })).toBe(true);
});

test('windows that did not count are shown with their reason', () => {
  const result = resultWith(50);
  const measures = [{ id: 'rps' as const, title: 'rps', lanes: [{ lane: 'B', invalid: ['2 of 9 failed'] }] }];
  expect(report({ ...result, measures })).toContain('! B: 2 of 9 failed');
});

test('the command line is read, and refused with the names it knows', () => {
  const options = parseOptions(['--quick', '--only=small,ttft', '--peers', 'b,turnpike', '--json', 'out.json']);
  expect(options).toMatchObject({ isQuick: true, jsonFile: 'out.json' });
  expect([...options.only]).toEqual(['small', 'ttft']);
  expect([...options.peers]).toEqual(['b', 'turnpike']);
  expect(() => parseOptions(['--peers', 'kong'])).toThrow('nginx, b, turnpike, portkey');
  expect(() => parseOptions(['--json'])).toThrow('needs a value');
  expect(() => parseOptions(['--fast'])).toThrow('unknown option');
});
