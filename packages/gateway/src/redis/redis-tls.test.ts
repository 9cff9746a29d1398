import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../testing/free-port.test-support.ts';
import { onRedis, RedisServer } from './redis-server.test-support.ts';

/** Prints what a gateway does at its start: joins, says whether the server is there, and whether it can be used. */
const PROGRAM = `
import { joinFleet } from ${JSON.stringify(join(import.meta.dir, 'join-fleet.ts'))};
const told = [];
const log = { info: (line) => told.push(line), warn: (line) => told.push(line), secrets: { add() {} } };
const fleet = await joinFleet(process.env.REDIS_URL, log, () => undefined);
const nothing = { capacity: 9n, charges: [], giveBack: 0n, need: 0n, recall: false, seed: [], leaseMs: 1000, nowMs: 0 };
const call = { account: 'b:tls:', node: 'one', seq: 1, want: 7n, ...nothing };
const leases = await fleet.authority.call([call]).then(([{ lease }]) => String(lease), () => 'none');
console.log(JSON.stringify({ told, leases }));
await fleet.close();
`;

onRedis('Redis over TLS', () => {
  describe('rediss://', () => {
    let server: RedisServer;
    let folder: string;
    let url: string;
    let certificate: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'turnpike-tls-'));
      certificate = join(folder, 'cert.pem');
      const key = join(folder, 'key.pem');
      const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
      const made = Bun.spawnSync(
        [
          'openssl',
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-days',
          '2',
          '-keyout',
          key,
          '-out',
          certificate,
          ...names,
        ],
        { stderr: 'pipe' },
      );
      if (made.exitCode !== 0) throw new Error(`openssl made no certificate: ${made.stderr.toString()}`);
      const port = freePort();
      const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-auth-clients', 'no'];
      server = await RedisServer.start(['--tls-port', `${port}`, ...files]);
      url = `rediss://localhost:${port}`;
    });
    afterAll(async () => {
      await server.stop();
      rmSync(folder, { recursive: true });
    });

    function run(environment: Record<string, string>): { told: string[]; leases: string } {
      const program = join(folder, 'program.ts');
      writeFileSync(program, PROGRAM);
      const { stdout } = Bun.spawnSync([process.execPath, program], {
        env: { PATH: process.env.PATH ?? '', REDIS_URL: url, ...environment },
      });
      return JSON.parse(stdout.toString());
    }

    test('reaches a server whose certificate is trusted', () => {
      expect(run({ NODE_EXTRA_CA_CERTS: certificate })).toEqual({ told: [], leases: '7' });
    });

    test('and none whose certificate is not', () => {
      const { told, leases } = run({});
      expect(leases).toBe('none');
      expect(told[0]).toContain('cannot be reached');
    });
  });
});
