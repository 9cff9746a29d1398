// The checks that need no running code: each one a tool, its arguments, and what it guards.
import { spawn } from 'node:child_process';
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
 * Runs every check, all side by side. A tool's output is shown only when it has something to say.
 *
 * @returns {Promise<number>} How many failed.
 */
export async function runChecks() {
  const results = await Promise.all(checks.map(run));
  return results.filter((passed) => !passed).length;
}

async function run({ name, script, args }) {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [join(modules, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const passed = await new Promise((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      resolve(false);
    });
    child.on('close', (code) => resolve(code === 0));
  });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n${passed ? '' : `${output}\n`}`);
  return passed;
}
