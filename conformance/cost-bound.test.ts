/**
 * The most a request can cost, as it is held before the request is sent, against what it did cost: for every recorded exchange
 * whose request and usage are known. Prices are the catalogue's, and for models it does not know one at which every kind of
 * token has a price of its own.
 */
import { expect, test } from 'bun:test';
import { priceScheduleOf } from '@turnpike/gateway/catalog/catalogue.ts';
import type { Price } from '@turnpike/gateway/catalog/price.ts';
import type { Endpoint } from '@turnpike/gateway/config/snapshot.ts';
import { costOf } from '@turnpike/gateway/ledger/cost.ts';
import { boundAttempt } from '@turnpike/gateway/policy/budgets/attempt-bound.ts';
import { costBound, unpricedTool } from '@turnpike/gateway/policy/budgets/cost-bound.ts';
import { boundRequest } from '@turnpike/gateway/policy/budgets/request-bound.ts';
import { estimateTokens } from '@turnpike/gateway/policy/limits/token-cost.ts';
import { mergeUsage, type Usage } from '@turnpike/wire/canon/usage.ts';
import { scanJsonObject } from '@turnpike/wire/json/lens.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { describeCorpus, type Recording } from './corpus.ts';
import { startedStream, wholeResponse } from './laws/recorded.ts';
import { Tally } from './tally.ts';
import { dialects } from './trip.ts';

const usual: Price = {
  input: 3_000_000_000n,
  output: 15_000_000_000n,
  cacheRead: 300_000_000n,
  cacheWrite: 3_750_000_000n,
  cacheWrite1h: 6_000_000_000n,
  serverToolCalls: { web_search_requests: 10_000_000n, web_fetch_requests: 0n },
  source: 'test',
};

describeCorpus('no recorded exchange cost more than its bound', (corpus) => {
  const tally = new Tally('cost bound');
  const ratios: number[] = [];
  for (const recording of corpus) tally.run(recording.id, () => compare(recording, ratios));

  test('whatever it asked for', () => {
    const sorted = ratios.sort((a, b) => a - b);
    const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
    console.log(
      `cost bound / cost, without what is held for output: least ${at(0)}, a tenth below ${at(0.1)}, half below ${at(0.5)}, nine tenths below ${at(0.9)}, most ${at(1)} (${sorted.length} exchanges)`,
    );
    expect(sorted.length).toBeGreaterThan(0);
    tally.expectAllPassed();
  });
});

function compare(recording: Recording, ratios: number[]): string | undefined {
  const { request, dialect: dialectId, meta } = recording;
  if (request === undefined) return 'no request was recorded';
  const usage = usageOf(recording);
  if (usage?.inputTokens === undefined) return 'no usage was recorded';
  const bytes = new TextEncoder().encode(stringifyJson(request));
  const lens = scanJsonObject(bytes);
  if (!lens.ok) return 'the request is refused';
  const schedule = priceScheduleOf(meta.provider, modelOf(request, meta.model));
  const price = schedule?.at(Date.now()) ?? usual;
  const endpoint = {
    model: modelOf(request, meta.model),
    provider: { id: meta.provider, dialect: dialectId },
    inputTokensMax: schedule?.contextWindow,
  } as unknown as Endpoint;
  const bound = boundAttempt(boundRequest(bytes, lens, estimateTokens(bytes, lens), new Headers()), endpoint);
  if (bound.unbounded !== undefined) return `says that it has no bound: ${bound.unbounded}`;
  const tool = unpricedTool(price, bound);
  if (tool !== undefined) return `says that ${tool} has no price`;
  expect(bound.inputTokens).toBeGreaterThanOrEqual(usage.inputTokens);
  const cost = costOf(usage, price)?.nanoUsd;
  if (cost === undefined) return 'the cost is not known';
  if (!bound.isOutputOpen) expect(usage.outputTokens ?? 0).toBeLessThanOrEqual(bound.outputTokens);
  // What an answer of the length it had would have been held for.
  const held = costBound(price, bound.isOutputOpen ? { ...bound, outputTokens: usage.outputTokens ?? 0 } : bound);
  expect(held).toBeGreaterThanOrEqual(cost);
  const answered = costBound(price, { ...bound, outputTokens: usage.outputTokens ?? 0 });
  if (cost > 0n) ratios.push(Number(answered) / Number(cost));
  return undefined;
}

function usageOf(recording: Recording): Usage | undefined {
  const dialect = dialects[recording.dialect];
  const whole = wholeResponse(recording);
  if (whole !== undefined) return dialect.readResponse(whole, { quirks: {} }).usage;
  let usage: Usage | undefined;
  for (const event of startedStream(dialect, recording) ?? []) {
    if (event.type === 'usage') usage = mergeUsage(usage, event.usage);
  }
  return usage;
}

function modelOf(request: JsonObject, recorded: string): string {
  return typeof request.model === 'string' ? request.model : recorded;
}
