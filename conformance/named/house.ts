import { afterAll, beforeAll, describe, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { startGateway } from '@turnpike/gateway/compose.ts';
import type { Gateway } from '@turnpike/gateway/gateway.ts';
import type { QuotaAuthority } from '@turnpike/gateway/quota/authority.ts';
import { PostgresServer, postgresPrograms } from '@turnpike/gateway/store/postgres-server.test-support.ts';
import { Log } from '@turnpike/gateway/telemetry/log.ts';

export const ADMIN = 'sk-admin-of-the-named-cases';
/** Within it a change must be in force everywhere. A machine with more to do than it has cores for may take longer. */
export const EVERYWHERE_MS = process.env.CI || (loadavg()[0] ?? 0) > availableParallelism() ? 3_000 : 1_000;

/** Dollars for each million tokens: output alone costs, a thousandth of a dollar a token, so that a bound is exact. */
export const price = { input: 0, output: 1_000 };
/** Nano-dollars of a token of output. */
export const TOKEN = 1_000_000n;

export interface HouseOptions {
  /** More of `turnpike.yaml`, merged over what the house needs. */
  readonly config?: Record<string, unknown>;
  /** More models beside `chat` and `claude`, each of a provider of that dialect. `{{upstream}}` is the emulator's address. */
  readonly models?: readonly object[];
  /** More providers beside `up-openai-chat` and `up-anthropic-messages`. */
  readonly providers?: readonly object[];
  /** The address of a PostgreSQL database; absent: SQLite. */
  readonly databaseUrl?: string | undefined;
  /** Gateways on one data directory. Default 1. */
  readonly gateways?: number;
  readonly authority?: QuotaAuthority;
}

/** What the admin API answers, for tests that know what is in it. */
export interface Fields {
  readonly [field: string]: unknown;
  readonly id: string;
  readonly key: string;
}

export interface Shown {
  readonly spent: { readonly nanoUsd: string };
  readonly held: { readonly nanoUsd: string };
  readonly limit: { readonly nanoUsd: string };
}

/** An answer that was read to its end. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface AskOptions {
  /** Which gateway. Default: the first. */
  readonly at?: number;
  readonly face?: 'chat' | 'messages';
  readonly model?: string;
  /** The bound of the output, in tokens; undefined for none. Default 10. */
  readonly max?: number | undefined;
  readonly fields?: object;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** Gateways on one store, between callers with stored keys and an emulator. */
export class House {
  readonly emulator: Emulator;
  readonly gateways: Gateway[] = [];
  readonly lines: string[] = [];
  readonly #folder: string;
  readonly #options: HouseOptions;
  #names = 0;

  private constructor(emulator: Emulator, options: HouseOptions) {
    this.emulator = emulator;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'turnpike-named-'));
  }

  static async start(options: HouseOptions = {}): Promise<House> {
    const house = new House(await startEmulator(), options);
    const provider = (dialect: string) => ({
      id: `up-${dialect}`,
      dialect,
      baseUrl: `${house.emulator.url}/v1`,
      apiKey: 'upstream-key',
    });
    const config = {
      adminKey: ADMIN,
      discovery: false,
      sandbox: false,
      providers: [provider('openai-chat'), provider('anthropic-messages'), ...(options.providers ?? [])],
      models: [
        { name: 'chat', retries: 0, endpoints: [{ provider: 'up-openai-chat', model: 'm', price }] },
        { name: 'claude', retries: 0, endpoints: [{ provider: 'up-anthropic-messages', model: 'm', price }] },
        ...(options.models ?? []),
      ],
      ...options.config,
    };
    // JSON is YAML.
    writeFileSync(house.#configFile, JSON.stringify(config).replaceAll('{{upstream}}', house.emulator.url));
    for (let at = 0; at < (options.gateways ?? 1); at++) house.gateways.push(await house.#startGateway());
    return house;
  }

  get #configFile(): string {
    return join(this.#folder, 'turnpike.yaml');
  }

  get dataDir(): string {
    return join(this.#folder, 'data');
  }

  /** Of PostgreSQL; undefined on SQLite. */
  get databaseUrl(): string | undefined {
    return this.#options.databaseUrl;
  }

  get gateway(): Gateway {
    return this.gatewayAt(0);
  }

  gatewayAt(at: number): Gateway {
    const gateway = this.gateways[at];
    if (gateway === undefined) throw new Error(`There is no gateway ${at}.`);
    return gateway;
  }

  #startGateway(): Promise<Gateway> {
    const { databaseUrl, authority } = this.#options;
    return startGateway({
      configFile: this.#configFile,
      port: 0,
      environment: {
        TURNPIKE_DATA_DIR: this.dataDir,
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
      },
      log: new Log({ write: (line) => void this.lines.push(line) }),
      authority,
    });
  }

  /** Stops a gateway and starts it again, on what it left. */
  async restart(at = 0): Promise<void> {
    await this.gatewayAt(at).stop();
    this.gateways[at] = await this.#startGateway();
  }

  /** As {@link restart}, all of them: none finds another one running. */
  async restartAll(): Promise<void> {
    await Promise.all(this.gateways.map((gateway) => gateway.stop()));
    for (const at of this.gateways.keys()) this.gateways[at] = await this.#startGateway();
  }

  async stop(): Promise<void> {
    for (const gateway of this.gateways) await gateway.stop();
    await this.emulator.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A name that nothing has yet. */
  fresh(stem: string): string {
    return `${stem}-${++this.#names}`;
  }

  /** @throws when it is not done. */
  async admin(method: string, path: string, body?: object, at = 0): Promise<Fields> {
    const response = await fetch(`${this.gatewayAt(at).url}/admin/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text === '' ? '{}' : text);
  }

  /** A key of a new name, with what it was made with. */
  async newKey(fields: object = {}): Promise<{ name: string; key: string }> {
    const name = this.fresh('key');
    const { key } = await this.admin('POST', '/keys', { name, ...fields });
    return { name, key };
  }

  /** What is spent and held of the first budget of an entity: `keys/web`. */
  async budgetOf(path: string, at = 0): Promise<{ spent: bigint; held: bigint; limit: bigint }> {
    const shown = (await this.admin('GET', `/${path}/budgets`, undefined, at)).data as readonly Shown[];
    const first = shown[0];
    if (first === undefined) throw new Error(`${path} has no budget.`);
    return {
      spent: BigInt(first.spent.nanoUsd),
      held: BigInt(first.held.nanoUsd),
      limit: BigInt(first.limit.nanoUsd),
    };
  }

  /** Asks, without reading the answer. */
  send(key: string, options: AskOptions = {}): Promise<Response> {
    const { at = 0, face = 'chat', model = 'chat', fields, headers, signal } = options;
    const max = 'max' in options ? options.max : 10;
    return fetch(`${this.gatewayAt(at).url}/v1/${face === 'chat' ? 'chat/completions' : 'messages'}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        model,
        ...(max !== undefined && { max_tokens: max }),
        messages: [{ role: 'user', content: 'Hi' }],
        ...fields,
      }),
      ...(signal && { signal }),
    });
  }

  async ask(key: string, options?: AskOptions): Promise<Answered> {
    const response = await this.send(key, options);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  /** Asks until it is answered so. @throws when that takes longer than a change may. */
  async becomes(status: number, key: string, options?: AskOptions): Promise<Answered> {
    const untilMs = performance.now() + EVERYWHERE_MS;
    for (;;) {
      const answer = await this.ask(key, options);
      if (answer.status === status) return answer;
      if (performance.now() > untilMs) throw new Error(`Still ${answer.status}, not ${status}: ${answer.text}`);
      await Bun.sleep(5);
    }
  }

  /** What the ledger says was spent, over all gateways. */
  async spent(scope: string): Promise<bigint> {
    for (const gateway of this.gateways) await gateway.flush();
    return this.gateway.store.spendBetween(scope, 0, Number.MAX_SAFE_INTEGER);
  }

  /** Held by calls under way, over all gateways. */
  get held(): bigint {
    return this.gateways.reduce((sum, { budgets }) => sum + budgets.heldNanoUsd, 0n);
  }

  /** Every call answers with so many tokens of output. */
  answers(output: number, more: object = {}): void {
    this.emulator.reset();
    this.emulator.script([{ text: 'answer', usage: { input: 7, output }, ...more }], { repeat: true });
  }
}

/** @throws when it does not come true within five seconds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAtMs = performance.now() + 5_000;
  while (!(await condition())) {
    if (performance.now() > giveUpAtMs) throw new Error('It did not happen within 5 s.');
    await Bun.sleep(2);
  }
}

/** A house for all tests of a `describe`, on SQLite and on PostgreSQL. Without a server it says so; with CI set it fails. */
export function onEachStore(
  options: HouseOptions,
  define: (house: () => House, database: 'SQLite' | 'PostgreSQL') => void,
): void {
  describe('on SQLite', () => inHouse(options, (house) => define(house, 'SQLite')));
  if (postgresPrograms() === undefined) {
    if (process.env.CI) test('on PostgreSQL', () => expectServer());
    else process.stdout.write('Left out, for want of a PostgreSQL server: named cases on PostgreSQL.\n');
    return;
  }
  describe('on PostgreSQL', () => {
    let server: PostgresServer | undefined;
    beforeAll(async () => {
      server = await PostgresServer.start();
    }, 60_000);
    inHouse(
      async () => ({ ...options, databaseUrl: await server?.newDatabase() }),
      (house) => define(house, 'PostgreSQL'),
    );
    afterAll(() => server?.stop(), 60_000);
  });
}

function expectServer(): never {
  throw new Error('CI is set and there is no PostgreSQL server: install the Debian package postgresql.');
}

/** A house for all tests of a `describe`. */
export function inHouse(options: HouseOptions | (() => Promise<HouseOptions>), define: (house: () => House) => void) {
  let house: House | undefined;
  beforeAll(async () => {
    house = await House.start(typeof options === 'function' ? await options() : options);
  }, 60_000);
  afterAll(() => house?.stop());
  define(() => {
    if (house === undefined) throw new Error('The house has not begun.');
    return house;
  });
}
