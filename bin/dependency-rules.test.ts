import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dir, '..');

/** Each rule with one import that breaks it: file → what it imports, as written there. */
const violations: Record<string, [file: string, imports: string][]> = {
  'no-circle': [
    ['packages/wire/src/ring/one.ts', "import type { Two } from './two.ts';\nexport interface One { two: Two }"],
    ['packages/wire/src/ring/two.ts', "import type { One } from './one.ts';\nexport interface Two { one: One }"],
  ],
  'no-unresolved': [['packages/wire/src/lost.ts', "import './nowhere.ts';"]],
  'wire-is-pure': [['packages/wire/src/impure.ts', "import { readFileSync } from 'node:fs';\nreadFileSync('x');"]],
  'dialects-apart': [
    [
      'packages/wire/src/dialects/one/index.ts',
      "import type { Other } from '../other/index.ts';\nexport type A = Other;",
    ],
    ['packages/wire/src/dialects/other/index.ts', 'export interface Other { a: 1 }'],
  ],
  'canon-at-the-bottom': [
    [
      'packages/wire/src/canon/leaning.ts',
      "import type { Other } from '../dialects/other/index.ts';\nexport type A = Other;",
    ],
  ],
  'emulator-knows-wire-only': [
    [
      'packages/emulator/src/peeking.ts',
      "import type { Row } from '@turnpike/gateway/config/row.ts';\nexport type A = Row;",
    ],
    ['packages/gateway/src/config/row.ts', 'export interface Row { a: 1 }'],
  ],
  'sandbox-through-compose': [
    ['packages/gateway/src/http/standing-in.ts', "import '@turnpike/emulator/sandbox.ts';"],
    ['packages/emulator/src/sandbox.ts', 'export const sandbox = 1;'],
  ],
  'policy-knows-no-vendor': [
    ['packages/gateway/src/policy/partial.ts', "import '@turnpike/wire/dialects/other/index.ts';"],
  ],
  'plan-is-pure': [['packages/gateway/src/routing/plan.ts', "import '../store/store.ts';"]],
  'plan-has-no-platform': [['packages/gateway/src/routing/plan-clock.ts', "import 'node:timers';"]],
  'store-through-its-interface': [
    ['packages/gateway/src/telemetry/direct.ts', "import '../store/open-store.ts';"],
    ['packages/gateway/src/store/open-store.ts', 'export const openStore = 1;'],
    ['packages/gateway/src/store/store.ts', 'export const store = 1;'],
  ],
  'no-test-imports': [
    ['packages/wire/src/uses-test.ts', "import './a.test.ts';"],
    ['packages/wire/src/a.test.ts', 'export const a = 1;'],
  ],
  'gateway-downward-runtime': [['packages/gateway/src/providers/up.ts', "import '../config/row.ts';"]],
  'gateway-downward-config': [['packages/gateway/src/config/up.ts', "import '../ledger/cost.ts';"]],
  'gateway-downward-telemetry': [
    ['packages/gateway/src/ledger/cost.ts', "import '../pipeline/stage.ts';"],
    ['packages/gateway/src/pipeline/stage.ts', 'export const stage = 1;'],
  ],
  'gateway-downward-pipeline': [['packages/gateway/src/pipeline/up.ts', "import '../http/face.ts';"]],
  'gateway-downward-http': [['packages/gateway/src/http/face.ts', "import '../faces/other/keys.ts';"]],
  'gateway-downward-faces': [
    ['packages/gateway/src/faces/other/keys.ts', "import '../../compose.ts';"],
    ['packages/gateway/src/compose.ts', "import './cli/main.ts';"],
  ],
  'gateway-downward-compose': [['packages/gateway/src/cli/main.ts', 'export const main = 1;']],
};

let place: string;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'turnpike-rules-'));
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json'])
    copyFileSync(join(root, name), join(place, name));
  mkdirSync(join(place, 'node_modules', '@turnpike'), { recursive: true });
  for (const name of ['typescript', '@types', 'bun-types']) {
    symlinkSync(join(root, 'node_modules', name), join(place, 'node_modules', name));
  }
  for (const name of ['wire', 'gateway', 'emulator']) {
    mkdirSync(join(place, 'packages', name), { recursive: true });
    copyFileSync(join(root, 'packages', name, 'package.json'), join(place, 'packages', name, 'package.json'));
    symlinkSync(join(place, 'packages', name), join(place, 'node_modules', '@turnpike', name));
  }
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

interface Report {
  summary: { violations: { rule: { name: string }; from: string; to: string }[]; totalCruised: number; error: number };
}

/** The tool starts a program of its own and reads the whole tree: on a busy machine that takes a while. */
const SLOW_MS = 60_000;

async function cruise(folder: string, type: 'json' | 'err'): Promise<{ text: string; exitCode: number }> {
  const tool = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [
    'node',
    tool,
    '--config',
    '.dependency-cruiser.cjs',
    '--output-type',
    type,
    '--no-progress',
    'packages',
  ];
  const child = Bun.spawn(args, { cwd: folder, stdout: 'pipe', stderr: 'inherit' });
  return { text: await new Response(child.stdout).text(), exitCode: await child.exited };
}

async function report(folder: string): Promise<Report['summary']> {
  const { text } = await cruise(folder, 'json');
  return (JSON.parse(text) as Report).summary;
}

test('every rule of the configuration has a planted violation here', () => {
  const configuration = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as {
    forbidden: { name: string; comment: string }[];
  };
  expect(configuration.forbidden.map((rule) => rule.name).sort()).toEqual(Object.keys(violations).sort());
  for (const rule of configuration.forbidden) expect(rule.comment.length).toBeGreaterThan(20);
});

describe('planted violations', () => {
  test(
    'are all found, and fail the check',
    async () => {
      for (const [file, content] of Object.values(violations).flat()) {
        mkdirSync(dirname(join(place, file)), { recursive: true });
        writeFileSync(join(place, file), `${content}\n`);
      }
      const { violations: broken } = await report(place);
      const found = new Set(broken.map((violation) => `${violation.rule.name}: ${violation.from}`));
      const expected = Object.entries(violations).map(([rule, [first]]) =>
        // What breaks the last floor's rule is the import that compose.ts makes of the command line.
        rule === 'gateway-downward-compose' ? `${rule}: packages/gateway/src/compose.ts` : `${rule}: ${first?.[0]}`,
      );
      expect(expected.filter((line) => !found.has(line))).toEqual([]);
      expect((await cruise(place, 'err')).exitCode).toBeGreaterThan(0);
    },
    SLOW_MS,
  );

  test(
    'are gone with the files that make them, and then the check passes',
    async () => {
      rmSync(join(place, 'packages'), { recursive: true });
      for (const name of ['wire', 'gateway', 'emulator']) {
        mkdirSync(join(place, 'packages', name, 'src'), { recursive: true });
        copyFileSync(join(root, 'packages', name, 'package.json'), join(place, 'packages', name, 'package.json'));
      }
      writeFileSync(join(place, 'packages/wire/src/a.ts'), 'export const a = 1;\n');
      writeFileSync(
        join(place, 'packages/gateway/src/compose.ts'),
        "import { a } from '@turnpike/wire/a.ts';\nconsole.log(a);\n",
      );
      const { violations: broken, totalCruised } = await report(place);
      expect({ broken, totalCruised }).toEqual({ broken: [], totalCruised: 2 });
      expect((await cruise(place, 'err')).exitCode).toBe(0);
    },
    SLOW_MS,
  );
});

test(
  'the real tree is seen: a check over no files would pass for ever',
  async () => {
    expect((await report(root)).totalCruised).toBeGreaterThan(50);
  },
  SLOW_MS,
);
