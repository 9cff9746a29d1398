import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onPostgres } from '../store/each-database.test-support.ts';
import { openStore } from '../store/open-store.ts';
import { exchangeRow } from '../telemetry/exchange-row.test-support.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnpike-commands-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** A command as a process of its own, with nothing of this machine's environment but the path. */
function run(words: string[], environment: Record<string, string> = {}) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, join(import.meta.dir, 'main.ts'), ...words], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? '', ...environment },
  });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

async function fill(dataDir: string): Promise<void> {
  const store = await openStore({ dataDir });
  await store.writeExchanges([
    exchangeRow({ id: 'tp_1', costNanoUsd: 41n }),
    exchangeRow({ id: 'tp_2', costNanoUsd: 1n }),
  ]);
  await store.close();
}

test('each command has its help, and the whole help names each', () => {
  const whole = run(['--help']).out;
  for (const name of ['migrate', 'backup', 'restore', 'move']) {
    expect(whole).toContain(name);
    const help = run([name, '--help']);
    expect([help.code, help.err]).toEqual([0, '']);
    expect(help.out).toContain(`npm start -- ${name}`);
  }
  expect(whole).toContain('DATABASE_URL');
}, 30_000);

test.each([
  [['backup'], 'Name the file'],
  [['restore', 'a', 'b'], '"b" is one argument too many'],
  [['migrate', '--to', 'x'], 'migrate has no option --to'],
  [['move', '--dry-run'], 'move has no option --dry-run'],
  [['backup', '--fast', 'x'], '--fast'],
])('wrong words %j are said', (words, message) => {
  const { code, err } = run(words);
  expect(code).toBe(2);
  expect(err).toContain(message);
  expect(err).toContain(`npm start -- ${words[0]}`);
});

test('migrate, backup and restore do what they say', async () => {
  expect(run(['migrate', '--dry-run']).out).toMatch(/would go from schema 0 to \d+/);
  expect(run(['migrate']).out).toMatch(/went from schema 0 to \d+/);
  expect(run(['migrate']).out).toContain('nothing to do');
  await fill(join(folder, '.turnpike'));
  expect(run(['backup', 'copy']).out).toMatch(/Wrote copy \([\d,]+ bytes\)/);
  const restored = run(['restore', 'copy'], { TURNPIKE_DATA_DIR: 'other' });
  expect(restored.out).toContain('exchange_log: 2 rows (2 of them new), cost_nano_usd 42');
  const refused = run(['restore', 'copy']);
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(refused.err).toContain('is not empty: exchange_log has 2 rows');
}, 30_000);

test('what cannot be done is said in a sentence', async () => {
  await writeFile(join(folder, 'letter'), 'Dear operator\n');
  for (const words of [
    ['backup', 'x'],
    ['restore', 'letter'],
    ['restore', 'missing'],
    ['move', '--to', 'mysql://x'],
    ['move'],
  ]) {
    const { code, out, err } = run(words);
    expect([words, code, out]).toEqual([words, 1, '']);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  }
}, 30_000);

onPostgres((here) => {
  test('one command moves an embedded store, which a gateway then finds', async () => {
    await fill(join(folder, '.turnpike'));
    const url = here.place.url ?? '';
    const moved = run(['move', '--to', url]);
    expect(moved.err).toContain('exchange_log: 2 rows');
    expect(moved.out).toContain('exchange_log: 2 rows (2 of them new), cost_nano_usd 42');
    expect(run(['move'], { DATABASE_URL: url }).out).toContain('exchange_log: 2 rows (0 of them new)');
    expect(run(['backup', 'lines'], { DATABASE_URL: url }).code).toBe(0);
    expect(run(['restore', 'lines'], { TURNPIKE_DATA_DIR: 'back' }).out).toContain('cost_nano_usd 42');
    const rows = await (await here.open()).recentExchanges({ limit: 5 });
    expect(rows.map(({ id }) => id)).toEqual(['tp_2', 'tp_1']);
  }, 30_000);
});
