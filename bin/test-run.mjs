// One run of `bun test`: shows its output as it comes and counts what it reports.
import { spawn } from 'node:child_process';
import { bunEnvironment, root } from './bootstrap.mjs';

/** Longest one test may take. Generous: machines that run everything at once are slow now and then. */
const TEST_TIMEOUT_MS = 30_000;

/**
 * @param {string} bun Path of the binary.
 * @param {string} name Shown above the output.
 * @param {string[]} paths Folders or filters.
 * @param {string[]} flags Handed to `bun test`.
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>} `failed` is at least 1 when Bun's exit code
 *   says so, whatever it printed.
 */
export async function runTests(bun, name, paths, flags) {
  process.stdout.write(`\n${name}: bun test ${[...paths, ...flags].join(' ')}\n`);
  const args = ['test', '--no-env-file', '--only-failures', `--timeout=${TEST_TIMEOUT_MS}`, ...flags, ...paths];
  const child = spawn(bun, args, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...bunEnvironment(), NO_COLOR: '1' },
  });
  let tail = '';
  const show = (chunk) => {
    process.stdout.write(chunk);
    tail = (tail + chunk.toString('utf8')).slice(-4000);
  };
  child.stdout.on('data', show);
  child.stderr.on('data', show);
  const exitCode = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
  return readSummary(tail, exitCode);
}

/**
 * Reads the counts that `bun test` prints last, one to a line: `12 pass`, `1 fail`, `2 skip`, `1 todo`, `1 error`.
 *
 * @param {string} output
 * @param {number} exitCode
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function readSummary(output, exitCode) {
  const count = (word) => {
    const lines = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}s?$`, 'gm'))];
    return Number(lines.at(-1)?.[1] ?? 0);
  };
  const failed = Math.max(count('fail'), count('error'));
  return {
    passed: count('pass'),
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: count('skip') + count('todo'),
  };
}
