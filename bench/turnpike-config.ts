import type { BenchDialect } from './payloads.ts';
import { type Load, modelName } from './plan.ts';
import { CLIENT_KEY } from './request-bytes.ts';

const PROVIDER: Readonly<Record<BenchDialect, string>> = {
  'openai-chat': 'openai',
  'anthropic-messages': 'anthropic',
};

/**
 * Turnpike's configuration for a run: one virtual key with limits and budgets that it never reaches, and for each kind of answer one model per upstream dialect with
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
  const limits = [{ requests: 1e9, tokens: 1e12, per: 'minute' }, { concurrency: 1e6 }];
  const budgets = [
    { amount: 1e6, per: 'day' },
    { amount: 1e6, per: 'month' },
  ];
  return JSON.stringify(
    { keys: [{ name: 'bench', key: CLIENT_KEY, limits, budgets }], models: [...models.values()] },
    undefined,
    2,
  );
}
