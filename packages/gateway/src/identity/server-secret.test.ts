import { afterEach, beforeEach, expect, test } from 'bun:test';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverSecret } from './server-secret.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-secret-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('is made once, for its owner alone, and read again', () => {
  const dataDir = join(folder, 'data');
  const made = serverSecret({}, dataDir);
  expect(made).toHaveLength(43);
  expect(serverSecret({}, dataDir)).toBe(made);
  expect(statSync(join(dataDir, 'secret.key')).mode & 0o777).toBe(0o600);
  expect(readdirSync(dataDir)).toEqual(['secret.key']);
});

test('loses loose permissions', () => {
  const made = serverSecret({}, folder);
  chmodSync(join(folder, 'secret.key'), 0o644);
  expect(serverSecret({}, folder)).toBe(made);
  expect(statSync(join(folder, 'secret.key')).mode & 0o777).toBe(0o600);
});

test('of the environment comes first, and no file is made', () => {
  const given = 'x'.repeat(32);
  expect(serverSecret({ TURNPIKE_SECRET: given }, folder)).toBe(given);
  expect(readdirSync(folder)).toEqual([]);
  expect(() => serverSecret({ TURNPIKE_SECRET: 'short' }, folder)).toThrow('at least 32');
});

test('that is empty or unreadable is told, not replaced', () => {
  writeFileSync(join(folder, 'secret.key'), '\n');
  expect(() => serverSecret({}, folder)).toThrow('holds no secret');
  expect(readFileSync(join(folder, 'secret.key'), 'utf8')).toBe('\n');
  expect(() => serverSecret({}, join(folder, 'secret.key', 'below'))).toThrow('cannot be used');
});

test('processes that start at once have the same', async () => {
  const script = `
    const { serverSecret } = await import(${JSON.stringify(join(import.meta.dir, 'server-secret.ts'))});
    console.log(serverSecret({}, ${JSON.stringify(join(folder, 'data'))}));`;
  const started = Array.from({ length: 4 }, () => Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' }));
  const secrets = await Promise.all(started.map((child) => new Response(child.stdout).text()));
  expect(new Set(secrets).size).toBe(1);
  expect(secrets[0]?.trim()).toHaveLength(43);
});
