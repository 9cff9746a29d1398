import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The launcher beside a gateway that only tells what reached it. */
const told = `
process.on('SIGHUP', () => console.log('SIGHUP'));
process.on('SIGTERM', () => process.exit(3));
process.on('SIGINT', () => process.exit(4));
const [what, value] = process.argv.slice(2);
console.log(JSON.stringify({ args: process.argv.slice(2), requestsMax: process.env.BUN_CONFIG_MAX_HTTP_REQUESTS }));
if (what === 'exit') process.exit(Number(value));
setInterval(() => {}, 1000);
`;

const root = join(import.meta.dir, '..');
let place: string;

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'turnpike-launcher-'));
  cpSync(join(root, 'bin'), join(place, 'bin'), { recursive: true });
  mkdirSync(join(place, 'packages/gateway/src/cli'), { recursive: true });
  writeFileSync(join(place, 'packages/gateway/src/cli/main.ts'), told);
  cpSync(join(root, 'package-lock.json'), join(place, 'package-lock.json'));
  mkdirSync(join(place, 'node_modules'));
  for (const name of ['@oven', 'bun']) symlinkSync(join(root, 'node_modules', name), join(place, 'node_modules', name));
  writeFileSync(join(place, 'node_modules/.package-lock.json'), '{}');
});

afterAll(() => rmSync(place, { recursive: true, force: true }));

function launch(...args: string[]) {
  const environment: Record<string, string | undefined> = { ...process.env };
  // Under npm the launcher also watches its parent; here that is this test.
  delete environment.npm_lifecycle_event;
  delete environment.BUN_CONFIG_MAX_HTTP_REQUESTS;
  return Bun.spawn(['node', join(place, 'bin/turnpike.mjs'), ...args], {
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    env: environment,
  });
}

test('arguments, the limit on requests and the exit code pass through', async () => {
  const child = launch('exit', '7', 'two words', '--flag');
  const said: unknown = JSON.parse(await new Response(child.stdout).text());
  expect(said).toEqual({ args: ['exit', '7', 'two words', '--flag'], requestsMax: '65336' });
  expect(await child.exited).toBe(7);
});

describe('signals', () => {
  test.each([
    ['SIGTERM', 3],
    ['SIGINT', 4],
  ] as const)('%s reaches the gateway, and its answer is ours', async (signal, code) => {
    const child = launch('wait');
    const output = child.stdout.getReader();
    await output.read();
    child.kill('SIGHUP');
    const { value } = await output.read();
    expect(new TextDecoder().decode(value)).toBe('SIGHUP\n');
    child.kill(signal);
    expect(await child.exited).toBe(code);
  });
});

test('a missing runtime is named', async () => {
  rmSync(join(place, 'node_modules/@oven'));
  rmSync(join(place, 'node_modules/bun'));
  const child = launch('exit', '0');
  expect(await new Response(child.stderr).text()).toContain('The Bun runtime is missing');
  expect(await child.exited).toBe(1);
  for (const name of ['@oven', 'bun']) symlinkSync(join(root, 'node_modules', name), join(place, 'node_modules', name));
});
