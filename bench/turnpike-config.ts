import type { BenchDialect } from './payloads.ts';
import { type Load, modelName } from './plan.ts';
import { CLIENT_KEY } from './request-bytes.ts';

const PROVIDER: Readonly<Record<BenchDialect, string>> = {
  'openai-chat': 'openai',
  'anthropic-messages': 'anthropic',
};

/**
 * Turnpike's configuration for a run: one virtual key, and for each kind of answer one model per upstream dialect with
 * one priced endpoint. JSON is YAML, so it is written as JSON.
 */
export function turnpikeConfig(loads: readonly Load[], upstreamPort: number): string {
  const models = new Map<string, object>();
  for (const load of loads) {
    for (const dialect of ['openai-chat', 'anthropic-messages'] as const) {
      const name = modelName(load, dialect);
      const endpoint = {
        provider: PROVIDER[dialect],
        model: 'upstream-model',
        baseUrl: `http://127.0.0.1:${upstreamPort}/${load.upstreamKind}/v1`,
        apiKey: 'sk-upstream',
        price: { input: 2.5, output: 10 },
      };
      models.set(name, { name, endpoints: [endpoint] });
    }
  }
  return JSON.stringify({ keys: [{ name: 'bench', key: CLIENT_KEY }], models: [...models.values()] }, undefined, 2);
}
