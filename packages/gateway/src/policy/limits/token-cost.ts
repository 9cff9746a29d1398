import { fieldNumber, type Lens } from '@turnpike/wire/json/lens.ts';
import type { LimitMeasure, LimitRule } from '../../config/limit-rule.ts';

/** The most a request can take, in tokens, before anybody counted them. */
export interface TokenCost {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Did the caller bound its output? If not, `outputTokens` is what answers usually take. */
  readonly isBounded: boolean;
  /** Answers asked for (`n`): `outputTokens` is for all of them. */
  readonly answers: number;
}

/** Reserved for the output of a request that does not bound it. */
export const OUTPUT_TOKENS_DEFAULT = 512;

/** Fewer bytes of JSON per token than any common tokeniser gets out of prose, code or CJK text in UTF-8. */
const BYTES_PER_TOKEN = 3;

const QUOTE = 0x22;
/** Text between quotes of twice so many bytes is looked at: is it media in base64? */
const MEDIA_STRIDE = 4_096;
/** What an image takes at most with the usual providers, and pages or seconds of larger media beyond. */
const MEDIA_TOKENS = 2_500;
const MEDIA_BYTES_PER_TOKEN = 100;

/**
 * An upper estimate that costs no tokeniser: the size of the body, media by their own measure, and the bound the caller
 * set on the output (`max_tokens`, `max_completion_tokens`) times the number of answers (`n`).
 */
export function estimateTokens(bytes: Uint8Array, lens: Lens): TokenCost {
  const { fields } = lens;
  const bound = Math.max(
    fieldNumber(bytes, fields.get('max_tokens')) ?? 0,
    fieldNumber(bytes, fields.get('max_completion_tokens')) ?? 0,
  );
  const answers = Math.max(1, fieldNumber(bytes, fields.get('n')) ?? 1);
  const isBounded = bound > 0 && bound < Number.MAX_SAFE_INTEGER;
  return {
    inputTokens: inputTokensOf(bytes),
    outputTokens: Math.ceil((isBounded ? bound : OUTPUT_TOKENS_DEFAULT) * answers),
    isBounded,
    answers,
  };
}

function inputTokensOf(bytes: Uint8Array): number {
  let textBytes = bytes.length;
  let mediaTokens = 0;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  // Only every so often a quote is looked for: a long text cannot be missed, and short ones cost nothing.
  for (let at = MEDIA_STRIDE; at < body.length; ) {
    const quote = body.indexOf(QUOTE, at);
    const end = quote < 0 ? body.length : quote;
    if (end - at < MEDIA_STRIDE) {
      at += MEDIA_STRIDE;
      continue;
    }
    const size = end - (body.lastIndexOf(QUOTE, at) + 1);
    if (looksLikeBase64(body, end)) {
      textBytes -= size;
      mediaTokens += Math.min(
        Math.ceil(size / BYTES_PER_TOKEN),
        MEDIA_TOKENS + Math.ceil(size / MEDIA_BYTES_PER_TOKEN),
      );
    }
    at = end + MEDIA_STRIDE;
  }
  return Math.ceil(textBytes / BYTES_PER_TOKEN) + mediaTokens;
}

/** Prose and code have a space or an escape within a kilobyte. @param end Where the text ends; its end is looked at. */
function looksLikeBase64(body: Buffer, end: number): boolean {
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(body.toString('latin1', end - 1_024, end));
}

/** What a rule counts before the call. Undefined: it does not count this. At least 1. */
export function weightOf({ measure, amount }: LimitRule, estimate: () => TokenCost | undefined): number | undefined {
  if (measure === 'requests' || measure === 'concurrency') return 1;
  const cost = estimate();
  if (cost === undefined) return undefined;
  const whole = Math.max(1, usedOf(measure, cost));
  if (whole <= amount || cost.isBounded || measure === 'inputTokens') return whole;
  // A guess at the output must not keep out for ever what may well fit.
  const least = measure === 'tokens' ? cost.inputTokens : 1;
  return Math.max(least, amount);
}

export function usedOf(measure: LimitMeasure, taken: { inputTokens: number; outputTokens: number }): number {
  switch (measure) {
    case 'inputTokens':
      return taken.inputTokens;
    case 'outputTokens':
      return taken.outputTokens;
    case 'tokens':
      return taken.inputTokens + taken.outputTokens;
    default:
      return 1;
  }
}
