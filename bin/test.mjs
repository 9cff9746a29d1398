#!/usr/bin/env node
// Checks, then tests, then one line with the sum: `npm test`.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fail, prepare, root } from './bootstrap.mjs';
import { runChecks } from './checks.mjs';
import { runTests } from './test-run.mjs';

const USAGE = `Usage: npm test [-- options] [path filters] [flags for bun test]

Without arguments: the checks (format and lint, types, dependency rules, dead code), the tests beside the code, and the
conformance suites. Ends with one line: "N passed, N failed, N skipped". A failed check counts as one failed test.

  --only checks|unit|conformance   that part alone
  --help                           this text

A path filter (packages/wire, sse.test.ts) runs the tests whose path contains it, without the checks. Anything else that
begins with a dash goes to bun test (-t "pattern", --bail).

The recorded traffic is looked for in TURNPIKE_SHARED, by default ../shared. Without it the suites that need it are left
out, and say so; when CI is set its absence is a failure.
`;

/** What each part of the run hands to `bun test`. */
const suites = {
  unit: ['./packages', './bin', './docs', './bench'],
  conformance: ['./conformance'],
};

const { only, filters, flags } = readArguments(process.argv.slice(2));
const bun = prepare({ withDevelopmentTools: true });
const total = { passed: 0, failed: 0, skipped: 0 };
const startedMs = performance.now();

if (only === 'checks' || (only === undefined && filters.length === 0)) total.failed += await runChecks();
if (only !== 'checks') {
  requireRecordedTraffic();
  const parts = filters.length > 0 && only === undefined ? { filtered: filters } : partsOf(only, filters);
  for (const [name, paths] of Object.entries(parts)) {
    const counts = await runTests(bun, name, paths, flags);
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
}

process.stdout.write(`\nTook ${((performance.now() - startedMs) / 1000).toFixed(1)} s.\n`);
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
process.exitCode = total.failed === 0 ? 0 : 1;

function partsOf(chosen, paths) {
  if (chosen === undefined) return suites;
  return { [chosen]: paths.length > 0 ? paths : suites[chosen] };
}

function readArguments(args) {
  const read = { only: undefined, filters: [], flags: [] };
  const rest = [...args];
  while (rest.length > 0) {
    const arg = rest.shift();
    if (arg === '--help' || arg === '-h') {
      process.stdout.write(USAGE);
      process.exit(0);
    } else if (arg === '--only') {
      read.only = rest.shift();
      if (!['checks', 'unit', 'conformance'].includes(read.only)) fail('--only takes checks, unit or conformance.');
    } else if (arg === '-t') {
      read.flags.push(arg, rest.shift() ?? '');
    } else if (arg.startsWith('-')) {
      read.flags.push(arg);
    } else {
      read.filters.push(arg);
    }
  }
  return read;
}

/** Left out on a desk, the recorded traffic is a line in the output; left out in CI, it would be a hole nobody sees. */
function requireRecordedTraffic() {
  const shared = resolve(process.env.TURNPIKE_SHARED ?? join(root, '..', 'shared'));
  if (existsSync(join(shared, 'corpus'))) return;
  const words = 'no recorded traffic (set TURNPIKE_SHARED, or put it in ../shared)';
  if (process.env.CI) {
    total.failed += 1;
    process.stdout.write(`FAILED recorded traffic: ${words}, and CI is set\n`);
  } else {
    process.stdout.write(`Left out: suites over recorded traffic, because there is ${words}\n`);
  }
}
