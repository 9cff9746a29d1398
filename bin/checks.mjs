// The checks that need no running code: each one a tool, its arguments, and what it guards.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bootstrap.mjs';

const modules = join(root, 'node_modules');

/** Folders whose imports are held to the rules; those that exist. */
const ruled = ['packages', 'conformance', 'bench', 'bin', 'docs'].filter((folder) => existsSync(join(root, folder)));

const checks = [
  {
    name: 'format and lint',
    script: '@biomejs/biome/bin/biome',
    args: ['ci', '--colors=off', '--diagnostic-level=warn', '--error-on-warnings', '.'],
  },
  { name: 'types', script: 'typescript/bin/tsc', args: ['-p', '.', '--pretty', 'false'] },
  {
    name: 'dependency rules',
    script: 'dependency-cruiser/bin/dependency-cruise.mjs',
    args: ['--config', '.dependency-cruiser.cjs', '--output-type', 'err-long', '--no-progress', ...ruled],
  },
  { name: 'dead code', script: 'knip/bin/knip.js', args: ['--no-progress', '--no-config-hints'] },
];

/**
 * Runs every check, whether or not an earlier one failed. A tool's output is shown only when it has something to say.
 *
 * @returns {number} How many failed.
 */
export function runChecks() {
  let failed = 0;
  for (const check of checks) {
    const startedMs = performance.now();
    const result = spawnSync(process.execPath, [join(modules, check.script), ...check.args], {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, NO_COLOR: '1' },
    });
    const passed = result.status === 0;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${check.name} (${seconds} s)\n`);
    if (passed) continue;
    failed += 1;
    if (result.error) process.stdout.write(`${result.error.message}\n`);
    process.stdout.write(`${result.stdout ?? ''}${result.stderr ?? ''}\n`);
  }
  return failed;
}
