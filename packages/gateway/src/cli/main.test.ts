import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { GatewayProgram } from './gateway-program.test-support.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnpike-cli-'));
});
afterEach(() => rm(folder, { recursive: true }));

class Running extends GatewayProgram {
  constructor(args: string[], environment: Record<string, string> = {}) {
    super(folder, args, environment);
  }
}

async function exitOf(
  args: string[],
  environment: Record<string, string> = {},
): Promise<{ code: number; running: Running }> {
  const running = new Running(args, environment);
  const code = await running.process.exited;
  await Bun.sleep(20); // the pipes may lag behind the exit
  return { code, running };
}

describe('turnpike', () => {
  test('a first start prints a key and a curl line that works as pasted', async () => {
    const gateway = new Running(['--port', '0']);
    try {
      await gateway.listening();
      const line = gateway.out.slice(gateway.out.indexOf('curl '));
      const answer = Bun.spawnSync(['sh', '-c', line.replaceAll('\\\n', ' ')]);
      const body = JSON.parse(answer.stdout.toString());
      expect(body.choices[0].message.content).toContain('Turnpike sandbox');
      expect(gateway.out).toMatch(/sk-[A-Za-z0-9_-]{43}/);
    } finally {
      gateway.process.kill();
      await gateway.process.exited;
    }

    const again = new Running(['--port', '0']);
    try {
      await again.listening();
      expect(again.out).not.toMatch(/sk-[A-Za-z0-9_-]{43}/);
    } finally {
      again.process.kill();
      expect(await again.process.exited).toBe(0);
    }
  }, 30_000);

  test('--help, --version and wrong words', async () => {
    const help = await exitOf(['--help']);
    expect(help.code).toBe(0);
    for (const word of ['--config', '--port', '--host', 'TURNPIKE_DATA_DIR', 'TURNPIKE_ADMIN_KEY']) {
      expect(help.running.out).toContain(word);
    }
    expect((await exitOf(['--version'])).running.out).toMatch(/^turnpike \d/);
    const wrong = await exitOf(['--prot', '1']);
    expect(wrong.code).toBe(2);
    expect(wrong.running.err).toContain('--prot');
    expect((await exitOf(['--port', 'x'])).code).toBe(2);
  }, 30_000);

  test('listening beyond loopback demands an explicit admin key', async () => {
    const refused = await exitOf(['--port', '0', '--host', '0.0.0.0']);
    expect(refused.code).toBe(1);
    expect(refused.running.err).toContain('TURNPIKE_ADMIN_KEY');
  }, 30_000);

  test('what is wrong with a configuration is said exactly, and nothing starts', async () => {
    await writeFile(join(folder, 'turnpike.yaml'), 'server:\n  prot: 4000\n');
    const refused = await exitOf(['--port', '0']);
    expect(refused.code).toBe(1);
    expect(refused.running.err).toMatch(/turnpike\.yaml:2:\d+.*prot/);
    const missing = await exitOf(['--port', '0', '--config', 'nowhere.yaml']);
    expect(missing.code).toBe(1);
    expect(missing.running.err).toContain('nowhere.yaml');
  }, 30_000);

  test('a stop signal lets a running stream end; a new file is taken over while running, a wrong one is not', async () => {
    const emulator = await startEmulator();
    const config = join(folder, 'turnpike.yaml');
    const model = (name: string) =>
      JSON.stringify({
        models: [
          {
            name,
            endpoints: [{ provider: 'openai', model: 'm', baseUrl: `${emulator.url}/v1`, apiKey: 'sk-up-012345' }],
          },
        ],
      });
    await writeFile(config, model('before'));
    const gateway = new Running(['--port', '0'], { TURNPIKE_ADMIN_KEY: 'sk-cli-test-0123456789' });
    try {
      await gateway.listening();
      const headers = { authorization: 'Bearer sk-cli-test-0123456789' };
      const names = async () => {
        const body = (await (await fetch(`${gateway.url}/v1/models`, { headers })).json()) as {
          data: { id: string }[];
        };
        return body.data.map(({ id }) => id);
      };
      expect(await names()).toContain('before');
      await writeFile(config, model('after'));
      await gateway.until(() => gateway.err.includes('read again'));
      expect(await names()).toContain('after');
      await writeFile(config, 'models: 7\n');
      gateway.process.kill('SIGHUP');
      await gateway.until(() => gateway.err.includes('not changed'));
      expect(await names()).toContain('after');

      emulator.script([{ text: 'word '.repeat(30), paceMs: 20 }]);
      const response = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ model: 'after', stream: true, messages: [{ role: 'user', content: 'Go on.' }] }),
      });
      gateway.process.kill('SIGTERM');
      const text = await response.text();
      expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
      expect(text.match(/word /g)).toHaveLength(30);
      expect(await gateway.process.exited).toBe(0);
    } finally {
      gateway.process.kill('SIGKILL');
      await emulator.stop();
    }
  }, 30_000);
});
