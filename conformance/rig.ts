import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import type { EmulatorOptions } from '@turnpike/emulator/options.ts';
import { startGateway } from '@turnpike/gateway/compose.ts';
import type { Gateway } from '@turnpike/gateway/gateway.ts';

/** A gateway between clients and an emulator, over real sockets on free ports. */
export interface Rig {
  emulator: Emulator;
  gateway: Gateway;
  /** Where clients connect, without a path. */
  url: string;
  key: string;
  stop(): Promise<void>;
}

export interface RigOptions {
  emulator?: EmulatorOptions;
  /** More of `turnpike.yaml`, merged over what the rig needs. */
  config?: Record<string, unknown>;
  /** More models beside `openai-chat` and `anthropic-messages`. */
  models?: unknown[];
}

const KEY = 'sk-conformance';

/** The names of the rig's models are those of the dialects their upstream speaks. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const emulator = await startEmulator(options.emulator);
  const dataDir = mkdtempSync(join(tmpdir(), 'turnpike-conformance-'));
  const provider = (dialect: string) => ({
    id: `up-${dialect}`,
    dialect,
    baseUrl: `${emulator.url}/v1`,
    apiKey: 'upstream-key',
  });
  const config = {
    adminKey: KEY,
    discovery: false,
    sandbox: false,
    providers: [provider('openai-chat'), provider('anthropic-messages')],
    models: [
      { name: 'openai-chat', endpoints: ['up-openai-chat/m'], retries: 0 },
      { name: 'anthropic-messages', endpoints: ['up-anthropic-messages/m'], retries: 0 },
      // Whatever follows the dot is the provider's name of the model.
      { name: 'openai-chat.*', endpoints: ['up-openai-chat/*'], retries: 0 },
      { name: 'anthropic-messages.*', endpoints: ['up-anthropic-messages/*'], retries: 0 },
      ...(options.models ?? []),
    ],
    ...options.config,
  };
  const configFile = join(dataDir, 'turnpike.yaml');
  writeFileSync(configFile, JSON.stringify(config)); // JSON is YAML.
  const gateway = await startGateway({ configFile, port: 0, environment: { TURNPIKE_DATA_DIR: dataDir } });
  return {
    emulator,
    gateway,
    url: gateway.url,
    key: KEY,
    async stop() {
      await gateway.stop();
      await emulator.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
