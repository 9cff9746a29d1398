import type { Lens } from '@turnpike/wire/json/lens.ts';
import type { TokenCost } from '../limits/token-cost.ts';
import type { RequestBound } from './cost-bound.ts';

/** Held for each answer of a request that names no bound on its output. */
export const OUTPUT_TOKENS_HELD = 16_384;

/** What providers put in front of a request with tools; its size does not show it. */
const TOOL_PREFACE_TOKENS = 1_000;

/** The most a request can take, from the estimate that limits go by and what its text gives away. */
export function boundRequest(bytes: Uint8Array, lens: Lens, tokens: TokenCost): RequestBound {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let marks: boolean | undefined;
  let media: boolean | undefined;
  const hasTools = lens.fields.has('tools') || lens.fields.has('functions');
  const outputTokens = tokens.isBounded ? tokens.outputTokens : Math.ceil(OUTPUT_TOKENS_HELD * tokens.answers);
  return {
    inputTokens: tokens.inputTokens + (hasTools ? TOOL_PREFACE_TOKENS : 0),
    outputTokens: Math.min(outputTokens, Number.MAX_SAFE_INTEGER),
    answers: tokens.answers,
    // The text is searched for those prices only that make a difference of it.
    get mayWriteCache() {
      marks ??= body.includes('cache_control');
      return marks;
    },
    get mayHoldMedia() {
      media ??= body.includes('audio') || body.includes('image');
      return media;
    },
  };
}
