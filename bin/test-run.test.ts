import { expect, test } from 'bun:test';
import { readSummary } from './test-run.mjs';

test('the counts are those of the last lines', () => {
  const output = '(fail) 7 pass\n 12 pass\n 3 skip\n 1 todo\n 2 fail\n 40 expect() calls\nRan 18 tests\n';
  expect(readSummary(output, 1)).toEqual({ passed: 12, failed: 2, skipped: 4 });
});

test('an error between tests is a failure', () => {
  expect(readSummary(' 12 pass\n 0 fail\n 1 error\n', 1).failed).toBe(1);
});

test('an exit code that says failure is one, whatever was printed', () => {
  expect(readSummary('', 132)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(readSummary(' 5 pass\n 0 fail\n', 1).failed).toBe(1);
});

test('a good run has no failures', () => {
  expect(readSummary(' 5 pass\n 0 fail\n', 0)).toEqual({ passed: 5, failed: 0, skipped: 0 });
});
