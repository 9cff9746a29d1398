import { describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { calcPrice, waitForUpdate } from '@pydantic/genai-prices';
import { costOf } from '../ledger/cost.ts';
import { catalogueModels, catalogueSource, isCatalogued, priceOf } from './catalogue.ts';
import { packCatalogue } from './generate-prices.ts';

const middayMs = Date.UTC(2026, 10, 1, 12);

describe('the price table', () => {
  test('is the one the installed package gives', async () => {
    const text = readFileSync(join(import.meta.dir, 'prices.txt'), 'utf8');
    // Run generate-prices.ts when this fails after an update of the package.
    expect(text === (await packCatalogue())).toBe(true);
    expect(catalogueSource()).toMatch(/^genai-prices \d/);
  });

  test('prices every model as the package does', async () => {
    const providers = (await waitForUpdate()) ?? [];
    let compared = 0;
    for (const provider of providers) {
      for (const model of provider.models) {
        const price = priceOf(provider.id, model.id, middayMs);
        const usage = { input_tokens: 30_000, output_tokens: 7_000 };
        const theirs = calcPrice(usage, model.id, { providerId: provider.id, timestamp: new Date(middayMs) });
        if (price === undefined || theirs === null) continue;
        const ours = costOf({ inputTokens: 30_000, outputTokens: 7_000 }, price);
        expect(Number(ours?.nanoUsd) / 1e9, `${provider.id} ${model.id}`).toBeCloseTo(theirs.total_price, 8);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(1500);
  });

  test('prices long prompts with cached parts as the package does', () => {
    const names = [
      ['anthropic', 'claude-sonnet-4-5', 300_000],
      ['anthropic', 'claude-opus-4-1', 150_000],
      ['google', 'gemini-2.5-pro', 262_960],
      ['openai', 'gpt-4o', 90_000],
    ] as const;
    for (const [provider, model, input] of names) {
      const theirs = calcPrice({ input_tokens: input, cache_read_tokens: 50_000, output_tokens: 900 }, model, {
        providerId: provider,
      });
      const ours = costOf({ inputTokens: input, cacheReadTokens: 50_000, outputTokens: 900 }, priceOf(provider, model));
      expect(Number(ours?.nanoUsd) / 1e9).toBeCloseTo(theirs?.total_price ?? -1, 8);
    }
  });
});

describe('priceOf', () => {
  test('finds dated and suffixed names', () => {
    expect(priceOf('openai', 'gpt-4o-2024-08-06')).toEqual(priceOf('openai', 'gpt-4o'));
    expect(priceOf('openai', 'gpt-4o-20240806')).toEqual(priceOf('openai', 'gpt-4o'));
    expect(priceOf('anthropic', 'claude-sonnet-4-5-20250929')?.input).toBe(3_000_000_000n);
    expect(priceOf('openai', 'GPT-4o')).toEqual(priceOf('openai', 'gpt-4o'));
  });

  test('knows nothing of what is not there', () => {
    expect(priceOf('openai', 'gpt-of-another-day')).toBeUndefined();
    expect(priceOf('nobody', 'gpt-4o')).toBeUndefined();
    // Charged by the hour of audio, which is nothing that tokens tell.
    expect(priceOf('openai', 'whisper-1')).toBeUndefined();
  });

  test('takes names that say so as free', () => {
    const free = priceOf('openrouter', 'deepseek/deepseek-r1:free');
    expect(free && { input: free.input, output: free.output }).toEqual({ input: 0n, output: 0n });
  });

  test('has cache writes, hour-long ones and searches', () => {
    const price = priceOf('anthropic', 'claude-sonnet-4-5');
    expect(price?.cacheWrite).toBe(3_750_000_000n);
    expect(price?.cacheWrite1h).toBe(6_000_000_000n);
    expect(price?.serverToolCalls?.web_search_requests).toBe(10_000_000n);
    expect(price?.tiers?.[0]?.aboveInputTokens).toBe(200_000);
  });

  test('follows the time of day', () => {
    const peak = priceOf('deepseek', 'deepseek-chat', Date.UTC(2026, 9, 1, 12));
    const night = priceOf('deepseek', 'deepseek-chat', Date.UTC(2026, 9, 1, 20));
    expect(peak?.input).toBe(270_000_000n);
    expect(night?.input).toBe(135_000_000n);
  });
});

test('lists the models of a provider, and only its own count as known', () => {
  expect(catalogueModels('openai')).toContain('gpt-4o');
  expect(catalogueModels('nobody')).toEqual([]);
  expect(isCatalogued('openai', 'gpt-4o')).toBe(true);
  expect(isCatalogued('azure', 'claude-sonnet-4-5')).toBe(false);
  expect(priceOf('azure', 'claude-sonnet-4-5')).toBeDefined();
});
