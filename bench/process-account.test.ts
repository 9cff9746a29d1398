import { expect, test } from 'bun:test';
import { allowedCores, parseCoreList, planCores } from './cores.ts';
import {
  cpuMicroseconds,
  parseCoreBusyTicks,
  parseProcessStat,
  parseResidentBytes,
  processTree,
  residentBytes,
} from './process-account.ts';
import { processClockMicroseconds } from './process-clock.ts';

const STAT = '4211 (a b) c) S 17 4211 4211 0 -1 4194560 100 0 0 0 321 45 6 7 20 0 9 0 8833 71000 9000 184467';

test('a stat line is read past a name with spaces and parentheses', () => {
  expect(parseProcessStat(STAT)).toEqual({
    pid: 4211,
    parentPid: 17,
    userTicks: 321,
    systemTicks: 45,
    childrenTicks: 13,
  });
});

test('what is no stat line is refused', () => {
  expect(() => parseProcessStat('nothing here')).toThrow('not a line');
  expect(() => parseProcessStat('1 (x) S 2 3')).toThrow('no number');
});

test('resident memory is read in bytes, and is none for a process without memory', () => {
  expect(parseResidentBytes('Name:\tbun\nVmHWM:\t   9000 kB\nVmRSS:\t   8000 kB\n')).toBe(8_192_000);
  expect(parseResidentBytes('Name:\tkthreadd\n')).toBe(0);
});

test('busy ticks leave out idle and waiting for disks', () => {
  expect(parseCoreBusyTicks('cpu1 1 2 3 1000 500 4 5 6 0 0')).toBe(21);
});

test('lists of cores are read', () => {
  expect(parseCoreList('0-2,5\n')).toEqual([0, 1, 2, 5]);
  expect(() => parseCoreList('one')).toThrow('not a list');
});

test('the gateway never shares its core unless there is only one', () => {
  for (const allowed of [
    [0, 1, 2, 3],
    [0, 1, 2],
    [4, 6],
  ]) {
    const plan = planCores(allowed);
    expect([plan.generator, plan.upstream]).not.toContain(plan.gateway);
    expect(plan.isShared).toBe(false);
  }
  expect(planCores([3])).toEqual({ count: 1, gateway: 3, generator: 3, upstream: 3, isShared: true });
});

test.skipIf(process.platform !== 'linux')('this very process is accounted for', () => {
  expect(allowedCores().length).toBeGreaterThan(0);
  expect(processTree(process.pid)).toContain(process.pid);
  expect(residentBytes([process.pid])).toBeGreaterThan(1e6);
  const before = cpuMicroseconds([process.pid]);
  for (const start = performance.now(); performance.now() - start < 60; );
  expect(cpuMicroseconds([process.pid])).toBeGreaterThan(before);
});

test.skipIf(process.platform !== 'linux')(
  'the clock of a process agrees with its own account, and a process that is gone has none',
  () => {
    const own = process.cpuUsage();
    const clock = processClockMicroseconds(process.pid) ?? 0;
    expect(Math.abs(clock - (own.user + own.system))).toBeLessThan(100_000);
    expect(processClockMicroseconds(2 ** 22)).toBeUndefined();
  },
);

test.skipIf(process.platform !== 'linux')('a child belongs to the tree', async () => {
  const child = Bun.spawn(['sleep', '5']);
  expect(processTree(process.pid)).toContain(child.pid);
  child.kill();
  await child.exited;
});
