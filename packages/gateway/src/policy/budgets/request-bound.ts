import type { Lens } from '@turnpike/wire/json/lens.ts';
import type { TokenCost } from '../limits/token-cost.ts';
import { mayHoldMedia, readMedia } from './request-media.ts';
import { readTools, type ToolUse } from './request-tools.ts';

/** What a request can make a provider do at most, as far as the request itself tells. */
export interface RequestBound {
  /**
   * Bytes that become text. A token stands for one byte at least, and what a provider puts around messages and tools is shorter
   * than the JSON they come in, so this bounds the tokens of the text, whatever the tokeniser.
   */
  readonly textBytes: number;
  readonly pictures: number;
  /** Bytes of pictures and files that came along: no bound, but something to go by. */
  readonly mediaBytes: number;
  /** Something whose size the request does not show, for people: `a file`. Undefined when there is none. */
  readonly openMedia: string | undefined;
  readonly tools: ToolUse;
  /** Must the answer have a form? */
  readonly asksForForm: boolean;
  /** Of all answers together: what the request allows, or undefined when it names no bound. */
  readonly outputTokens: number | undefined;
  readonly answers: number;
  /** Does it ask for a window longer than the model's usual one? */
  readonly hasLongContext: boolean;
  /** May it write to the provider's prompt cache, and for an hour, which can cost more than plain input? */
  readonly marksCache: boolean;
  readonly marksCacheForAnHour: boolean;
  /** May sound or pictures go in or come out, where they have prices of their own? */
  readonly mayHoldMedia: boolean;
}

/** @param tokens The caller's own bound on the output, and how many answers it asks for. */
export function boundRequest(bytes: Uint8Array, lens: Lens, tokens: TokenCost, headers: Headers): RequestBound {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const media = readMedia(body, lens);
  const prediction = lens.fields.get('prediction');
  // What was predicted wrongly is charged as output too.
  const predicted = prediction === undefined ? 0 : prediction.end - prediction.start;
  let marks: boolean | undefined;
  return {
    textBytes: bytes.length - media.bytes,
    pictures: media.pictures,
    mediaBytes: media.bytes,
    openMedia: media.open,
    tools: readTools(body, lens, tokens.answers),
    asksForForm: ['response_format', 'output_config', 'output_format'].some((name) => lens.fields.has(name)),
    outputTokens: tokens.isBounded ? Math.min(tokens.outputTokens + predicted, Number.MAX_SAFE_INTEGER) : undefined,
    answers: tokens.answers,
    hasLongContext: headers.get('anthropic-beta')?.includes('context-') === true,
    // The text is searched for those prices only that make a difference of it.
    get marksCache() {
      marks ??= body.includes('cache_control') || body.includes('\\u00');
      return marks;
    },
    get marksCacheForAnHour() {
      return this.marksCache && (body.includes('1h') || body.includes('\\u00'));
    },
    get mayHoldMedia() {
      // Files may hold both.
      return media.open !== undefined || mayHoldMedia(body);
    },
  };
}
