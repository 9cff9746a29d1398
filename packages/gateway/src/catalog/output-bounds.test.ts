import { expect, test } from 'bun:test';
import { outputBoundOf } from './output-bounds.ts';

test.each([
  ['openai', 'gpt-4o-mini-2024-07-18', 16_384],
  ['openai', 'GPT-4.1-nano', 32_768],
  ['openai', 'gpt-4-turbo', 4_096],
  ['openai', 'gpt-5-chat-latest', 16_384],
  ['openai', 'gpt-5.1-chat-latest', 16_384],
  ['openai', 'gpt-5-mini', 128_000],
  ['azure', 'o3', 100_000],
  ['openai', 'o300', undefined],
  ['anthropic', 'claude-3-5-haiku-latest', 8_192],
  ['anthropic', 'claude-opus-4-1', 128_000],
  ['google', 'gemini-2.5-flash', 65_536],
  ['elsewhere', 'gpt-4o', undefined],
  ['openai', 'my-own-model', undefined],
])('%s %s answers in %p tokens at most', (provider, model, tokens) => {
  expect(outputBoundOf(provider, model)).toBe(tokens);
});
