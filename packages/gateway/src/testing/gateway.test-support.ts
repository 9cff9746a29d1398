import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import type { QuotaAuthority } from '../quota/authority.ts';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { Log } from '../telemetry/log.ts';

export const ADMIN_KEY = 'sk-test-admin-0123456789';

/** A gateway with an emulator behind it, both on free ports, and their folder. */
export interface TestHouse {
  readonly gateway: Gateway;
  readonly emulator: Emulator;
  /** Its turnpike.yaml, to be changed and reloaded. */
  readonly configFile: string;
  /** Lines the gateway logged. */
  readonly lines: string[];
  /** The latest exchange in the log, written and read back. */
  lastRow(): Promise<ExchangeRow>;
  /** Posts JSON, or raw text, with the admin key. */
  post(
    path: string,
    body: unknown,
    options?: { headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Response>;
  stop(): Promise<void>;
}

export interface TestHouseOptions {
  /** Replaces the default configuration; `{{upstream}}` becomes the emulator's address. */
  yaml?: string;
  deadlines?: Partial<Record<'connectMs' | 'firstByteMs' | 'betweenChunksMs' | 'totalMs', number>>;
  retries?: number;
  server?: Record<string, number>;
  ledger?: Record<string, unknown>;
  /** Shared with other houses. */
  authority?: QuotaAuthority;
  /** Added to the default, or in place of what is in it. */
  environment?: Record<string, string>;
}

/**
 * Models of the default configuration: `chat` (openai-chat) and `claude` (anthropic-messages), each served by the
 * emulator at 1 and 2 USD per million tokens, and `either` with an endpoint of each kind, in that order.
 */
export async function startTestHouse(options: TestHouseOptions = {}): Promise<TestHouse> {
  const emulator = await startEmulator();
  const folder = await mkdtemp(join(tmpdir(), 'turnpike-test-'));
  const configFile = join(folder, 'turnpike.yaml');
  await writeFile(configFile, (options.yaml ?? defaultYaml(options)).replaceAll('{{upstream}}', emulator.url));
  const lines: string[] = [];
  const gateway = await startGateway({
    configFile,
    port: 0,
    environment: { TURNPIKE_DATA_DIR: join(folder, 'data'), TURNPIKE_ADMIN_KEY: ADMIN_KEY, ...options.environment },
    log: new Log({ write: (line) => void lines.push(line) }),
    authority: options.authority,
  });
  return {
    gateway,
    emulator,
    configFile,
    lines,
    async lastRow() {
      await gateway.flush();
      const [row] = await gateway.store.recentExchanges({ limit: 1 });
      if (row === undefined) throw new Error('The log has no exchange.');
      return row;
    },
    post(path, body, { headers, signal } = {}) {
      return fetch(gateway.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...(signal === undefined ? {} : { signal }),
      });
    },
    async stop() {
      await emulator.stop();
      await gateway.stop();
      await rm(folder, { recursive: true });
    },
  };
}

function defaultYaml({ deadlines = {}, retries = 0, server = {}, ledger = {} }: TestHouseOptions): string {
  const price = { input: 1, output: 2 };
  const chat = {
    provider: 'openai',
    model: 'gpt-test',
    baseUrl: '{{upstream}}/v1',
    apiKey: 'sk-upstream-openai',
    price,
  };
  const claude = { ...chat, provider: 'anthropic', model: 'claude-test', apiKey: 'sk-upstream-anthropic' };
  // JSON is YAML.
  return JSON.stringify({
    server: { shutdownGraceMs: 1_000, ...server },
    ledger,
    defaults: {
      deadlines: { connectMs: 400, firstByteMs: 400, betweenChunksMs: 300, totalMs: 3_000, ...deadlines },
      retries,
    },
    models: [
      { name: 'chat', endpoints: [chat] },
      { name: 'claude', endpoints: [claude] },
      {
        name: 'either',
        endpoints: [
          { ...chat, id: 'first', order: 1 },
          { ...claude, id: 'second', order: 2 },
        ],
      },
    ],
  });
}
