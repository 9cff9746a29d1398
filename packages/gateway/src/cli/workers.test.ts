import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { GatewayProgram } from './gateway-program.test-support.ts';

const ADMIN = 'sk-workers-admin-0123456789';
let folder: string;
let emulator: Emulator;
let started: GatewayProgram[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnpike-workers-'));
  emulator = await startEmulator();
  const price = { input: 1_000, output: 2_000 };
  const endpoint = { provider: 'openai', model: 'm', baseUrl: `${emulator.url}/v1`, apiKey: 'sk-up-012345', price };
  await configure({ models: [{ name: 'chat', endpoints: [endpoint] }] });
});
afterEach(async () => {
  for (const { process } of started) if (process.exitCode === null) process.kill('SIGTERM');
  for (const { process } of started) await process.exited;
  started = [];
  await emulator.stop();
  await rm(folder, { recursive: true });
});

async function configure(configuration: object): Promise<void> {
  const path = join(folder, 'turnpike.yaml');
  await writeFile(
    `${path}.new`,
    JSON.stringify({ discovery: false, server: { shutdownGraceMs: 5_000 }, ...configuration }),
  );
  await Bun.write(path, await readFile(`${path}.new`));
}

async function start(workers: number, ...args: string[]): Promise<GatewayProgram> {
  const program = new GatewayProgram(folder, ['--port', '0', '--workers', String(workers), ...args], {
    TURNPIKE_ADMIN_KEY: ADMIN,
  });
  started.push(program);
  await program.listening();
  return program;
}

/** Each call on a connection of its own, so that the kernel deals them out. */
function call(program: GatewayProgram, path: string, body?: unknown, key = ADMIN): Promise<Response> {
  return fetch(program.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    keepalive: false,
  });
}

const chat = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] };

async function workersOf(program: GatewayProgram): Promise<number[]> {
  const children = await readFile(`/proc/${program.process.pid}/task/${program.process.pid}/children`, 'utf8');
  return children.trim().split(/\s+/).map(Number);
}

describe.skipIf(process.platform !== 'linux')('several workers', () => {
  test('serve one port, say so once, and tell each other of keys at once', async () => {
    const program = await start(3);
    expect(program.out.match(/listens on/g)).toHaveLength(1);
    expect(program.out).toContain('with 3 workers');
    expect(await workersOf(program)).toHaveLength(3);
    for (let round = 0; round < 4; round++) {
      const made = await call(program, '/admin/api/v1/keys', { name: `key-${round}` });
      expect(made.status).toBe(201);
      const { key } = (await made.json()) as { key: string };
      const statuses = async () => {
        const answers = await Promise.all(
          Array.from({ length: 12 }, () => call(program, '/v1/chat/completions', chat, key)),
        );
        await Promise.all(answers.map((answer) => answer.arrayBuffer()));
        return new Set(answers.map(({ status }) => status));
      };
      expect(await statuses()).toEqual(new Set([200]));
      expect((await call(program, `/admin/api/v1/keys/key-${round}/block`, {})).status).toBe(200);
      expect(await statuses()).toEqual(new Set([403]));
    }
  }, 30_000);

  test('one that is killed is started again, and what it had begun is entered at once', async () => {
    const program = await start(2);
    emulator.script([{ text: 'never', firstByteDelayMs: 60_000 }], { repeat: true });
    const open = call(program, '/v1/chat/completions', chat).then(
      () => 'answered',
      () => 'cut',
    );
    await program.until(() => emulator.requests.length === 1);
    const before = await workersOf(program);
    // Which of the two has it, nobody can tell.
    for (const pid of before) {
      process.kill(pid, 'SIGKILL');
      await program.until(() => program.err.split('serves again').length === 2 + before.indexOf(pid));
    }
    expect(await open).toBe('cut');
    await program.until(() => program.err.includes('estimated=1'));
    expect((await workersOf(program)).filter((pid) => before.includes(pid))).toEqual([]);
    emulator.reset();
    expect((await call(program, '/v1/chat/completions', chat)).status).toBe(200);
    expect(program.err).toMatch(/info The journal .* worker=\d/);
  }, 30_000);

  test('share the sandbox and the admin key that is made at the first start', async () => {
    await rm(join(folder, 'turnpike.yaml'));
    const program = new GatewayProgram(folder, ['--port', '0', '--workers', '3']);
    started.push(program);
    await program.listening();
    const key = /sk-[A-Za-z0-9_-]{43}/.exec(program.out)?.[0] ?? '';
    const request = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello!' }] };
    for (let round = 0; round < 9; round++) {
      expect((await call(program, '/v1/chat/completions', request, key)).status).toBe(200);
    }
  }, 30_000);

  test('read a changed configuration, and let streams end when told to stop', async () => {
    const program = await start(2);
    const endpoint = { provider: 'openai', model: 'm', baseUrl: `${emulator.url}/v1`, apiKey: 'sk-up-012345' };
    await configure({ models: [{ name: 'later', endpoints: [endpoint] }] });
    program.process.kill('SIGHUP');
    await program.until(
      () => new Set(program.err.match(/read again\. .*worker=\d/g)?.map((line) => line.at(-1))).size === 2,
    );
    emulator.script([{ text: ['one ', 'two ', 'three '], paceMs: 150 }], { repeat: true });
    const streams = Array.from({ length: 6 }, async () => {
      const answer = await call(program, '/v1/chat/completions', { ...chat, model: 'later', stream: true });
      return answer.text();
    });
    await program.until(() => emulator.requests.length === 6);
    program.process.kill('SIGTERM');
    expect(await program.process.exited).toBe(0);
    for (const text of await Promise.all(streams)) expect(text).toContain('[DONE]');
    expect(await readdir(join(folder, 'data', 'journal'))).toEqual([]);
  }, 30_000);

  test('end with their parent, however it ends', async () => {
    const program = await start(2);
    const pids = await workersOf(program);
    program.process.kill('SIGKILL');
    await program.process.exited;
    await program.until(() => pids.every((pid) => !isAlive(pid)));
  }, 30_000);

  test('what keeps them from starting is told once', async () => {
    await writeFile(join(folder, 'turnpike.yaml'), 'server:\n  prot: 4000\n');
    const program = new GatewayProgram(folder, ['--port', '0', '--workers', '2']);
    expect(await program.process.exited).toBe(1);
    await Bun.sleep(20); // the pipes may lag behind the exit
    expect(program.err.match(/turnpike\.yaml:2:\d+.*prot/g)).toHaveLength(1);
    await rm(join(folder, 'turnpike.yaml'));
    const other = Bun.serve({ port: 0, hostname: '127.0.0.1', reusePort: true, fetch: () => new Response() });
    const second = new GatewayProgram(folder, ['--port', String(other.port), '--workers', '2']);
    expect(await second.process.exited).toBe(1);
    await Bun.sleep(20);
    expect(second.err).toContain(`Cannot listen on 127.0.0.1:${other.port}`);
    await other.stop(true);
    const wrong = new GatewayProgram(folder, ['--workers', 'many']);
    expect(await wrong.process.exited).toBe(2);
  }, 30_000);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
