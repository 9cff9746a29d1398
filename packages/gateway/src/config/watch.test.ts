import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from './load.ts';
import type { Problem } from './problem.ts';
import type { Snapshot } from './snapshot.ts';
import { type ConfigurationWatch, watchConfiguration } from './watch.ts';

const environment = { OPENAI_API_KEY: 'k' };
let directory = '';
let watching: ConfigurationWatch | undefined;
let snapshots: Snapshot[] = [];
let problems: Problem[][] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'turnpike-watch-'));
  snapshots = [];
  problems = [];
});

afterEach(() => {
  watching?.close();
  rmSync(directory, { recursive: true, force: true });
});

const file = () => join(directory, 'turnpike.yaml');
const modelNamed = (name: string) => `models:\n  - { name: ${name}, endpoints: [openai/gpt-4o] }\n`;

async function start(): Promise<ConfigurationWatch> {
  const load = { directory, environment };
  const loaded = await loadConfiguration(load);
  if (loaded.configuration === undefined) throw new Error('not loaded');
  watching = watchConfiguration({
    load,
    configuration: loaded.configuration,
    build: { version: 1 },
    onSnapshot: (snapshot) => snapshots.push(snapshot),
    onProblems: (found) => problems.push(found),
  });
  return watching;
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('waited in vain');
    await Bun.sleep(10);
  }
}

test('puts a changed file in force, whether written in place or renamed over', async () => {
  writeFileSync(file(), modelNamed('a'));
  await start();
  writeFileSync(file(), modelNamed('b'));
  await until(() => snapshots.length === 1);
  expect(snapshots[0]?.resolveModel('b')).toBeDefined();
  expect(snapshots[0]?.version).toBe(2);
  writeFileSync(`${file()}.new`, modelNamed('c'));
  renameSync(`${file()}.new`, file());
  await until(() => snapshots.length === 2);
  expect(snapshots[1]?.resolveModel('c')).toBeDefined();
  expect(snapshots[1]?.version).toBe(3);
});

test('takes many writes as one change', async () => {
  writeFileSync(file(), modelNamed('a'));
  await start();
  for (const name of ['b', 'c', 'd', 'e']) writeFileSync(file(), modelNamed(name));
  await until(() => snapshots.length === 1);
  await Bun.sleep(300);
  expect(snapshots).toHaveLength(1);
  expect(snapshots[0]?.resolveModel('e')).toBeDefined();
});

test('never puts an invalid or a vanished file in force, and recovers', async () => {
  writeFileSync(file(), modelNamed('a'));
  await start();
  writeFileSync(file(), 'modles: []\n');
  await until(() => problems.length === 1);
  expect(problems[0]?.[0]?.path).toBe('modles');
  rmSync(file());
  await until(() => problems.length === 2);
  expect(problems[1]?.[0]?.message).toBe('there is no such file');
  expect(snapshots).toEqual([]);
  writeFileSync(file(), modelNamed('b'));
  await until(() => snapshots.length === 1);
  expect(snapshots[0]?.version).toBe(2);
});

test('reads again on demand, and sees a first file appear', async () => {
  const running = await start();
  await running.reload();
  expect(snapshots).toHaveLength(1);
  writeFileSync(file(), modelNamed('a'));
  await until(() => snapshots.length === 2);
  expect(snapshots[1]?.resolveModel('a')).toBeDefined();
});

test('says nothing more once closed', async () => {
  writeFileSync(file(), modelNamed('a'));
  const running = await start();
  running.close();
  writeFileSync(file(), modelNamed('b'));
  await running.reload();
  await Bun.sleep(200);
  expect(snapshots).toEqual([]);
});
