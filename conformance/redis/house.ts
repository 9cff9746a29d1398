import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { RedisServer } from '@turnpike/gateway/redis/redis-server.test-support.ts';
import { PostgresServer } from '@turnpike/gateway/store/postgres-server.test-support.ts';
import type { StorePlace } from '@turnpike/gateway/store/store-place.ts';
import { GatewayProcess } from '../crash/gateway-process.ts';
import { KEY, killConfiguration } from '../crash/kill.ts';

/** A caller's key of the configuration. */
export interface HouseKey {
  readonly name: string;
  readonly key: string;
  readonly [rules: string]: unknown;
}

/** Gateways as if on machines of their own: each a process with its own data folder, on one PostgreSQL and one Redis. */
export class House {
  readonly emulator: Emulator;
  readonly redis: RedisServer;
  readonly gateways: GatewayProcess[];
  readonly place: StorePlace;
  readonly #folder: string;
  readonly #postgres: PostgresServer;
  readonly #start: (at: number) => Promise<GatewayProcess>;

  private constructor(
    parts: Pick<House, 'emulator' | 'redis' | 'gateways' | 'place'>,
    rest: [string, PostgresServer, (at: number) => Promise<GatewayProcess>],
  ) {
    this.emulator = parts.emulator;
    this.redis = parts.redis;
    this.gateways = parts.gateways;
    this.place = parts.place;
    [this.#folder, this.#postgres, this.#start] = rest;
  }

  static async open(size: number, keys: readonly HouseKey[]): Promise<House> {
    const emulator = await startEmulator({ requestsMax: 1_000_000, billMax: 1_000_000 });
    // Cheaper than any estimate of it: nothing turns out dearer than what was held for it.
    emulator.script([{ text: ['fine'], usage: { input: 5, output: 20 } }], { repeat: true });
    const [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
    const folder = mkdtempSync(join(tmpdir(), 'turnpike-house-'));
    const configFile = join(folder, 'turnpike.yaml');
    // JSON is YAML.
    writeFileSync(configFile, JSON.stringify({ ...killConfiguration(emulator.url), keys }));
    const url = await postgres.newDatabase();
    const start = (at: number) =>
      GatewayProcess.start(configFile, {
        TURNPIKE_DATA_DIR: join(folder, `data-${at}`),
        TURNPIKE_ADMIN_KEY: KEY,
        TURNPIKE_SECRET: 'a-secret-of-all-gateways-0123456789',
        DATABASE_URL: url,
        REDIS_URL: redis.url,
      });
    const gateways: GatewayProcess[] = [];
    for (let at = 0; at < size; at++) gateways.push(await start(at));
    const place = { dataDir: join(folder, 'data-0'), url };
    return new House({ emulator, redis, gateways, place }, [folder, postgres, start]);
  }

  urlOf(gateway: number): string {
    return this.gateways[gateway % this.gateways.length]?.url ?? '';
  }

  /** Kills one without a word of warning, and starts it again on what it left. */
  async crash(at: number): Promise<void> {
    await this.gateways[at]?.kill();
    this.gateways[at] = await this.#start(at);
  }

  admin(gateway: number, method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${this.urlOf(gateway)}/admin/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** What Redis says was used, of each account of a budget, in nano-USD. */
  async usedInRedis(): Promise<bigint[]> {
    const used: bigint[] = [];
    for (const account of (await this.redis.run('KEYS', 'turnpike:{quota0}:b:*')) as string[]) {
      const words = String(await this.redis.run('HGET', account, 'm')).split(' ');
      used.push(BigInt(words[4] ?? 0) * 10n ** 15n + BigInt(words[5] ?? 0));
    }
    return used;
  }

  async stopGateways(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.stop()));
  }

  async close(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.kill()));
    await this.emulator.stop();
    await this.redis.stop();
    await this.#postgres.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
