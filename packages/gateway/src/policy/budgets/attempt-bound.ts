import type { Endpoint } from '../../config/snapshot.ts';
import type { RequestBound } from './request-bound.ts';

/** The most an attempt can take at an endpoint, in what is charged. */
export interface AttemptBound {
  readonly inputTokens: number;
  /** Of all answers together. */
  readonly outputTokens: number;
  readonly answers: number;
  /** Calls of tools the provider runs, by the name usage reports them under. */
  readonly toolCalls: Readonly<Record<string, number>>;
  readonly mayWriteCache: boolean;
  readonly mayWriteCacheForAnHour: boolean;
  readonly mayHoldMedia: boolean;
  /** What keeps these figures from being a bound, for people; undefined when nothing does. */
  readonly unbounded: string | undefined;
  /** Does nobody say how long the answer may be? `outputTokens` is then what is held for it. */
  readonly isOutputOpen: boolean;
  /** Where the request leaves the answer to a model that gives long ones: to what each can be bound when money is short. */
  readonly outputCap: number | undefined;
}

/** Held for each answer when neither the request nor the endpoint bounds it. */
export const OUTPUT_TOKENS_HELD = 16_384;

/**
 * What providers put in front of a request, beyond what the JSON around its text has room for: plainly, and where tools or a form
 * of the answer have to be explained to the model.
 */
interface Preface {
  readonly plain: number;
  readonly explained: number;
}
const PREFACE: Preface = { plain: 1_024, explained: 2_048 };
const PREFACE_OF: ReadonlyMap<string, Preface> = new Map([
  ['openai', { plain: 0, explained: 64 }],
  ['anthropic', { plain: 0, explained: 1_024 }],
  // Has a system prompt of its own.
  ['venice', { plain: 2_048, explained: 3_072 }],
]);
/** For each tool the provider describes itself. */
const DESCRIBED_TOOL_TOKENS = 2_560;

/** Windows that `anthropic-beta` can ask for. */
const LONG_CONTEXT_TOKENS = 1_000_000;
/** Held for what cannot be bounded, where a budget allows it. */
const PICTURE_TOKENS_HELD = 2_500;
const MEDIA_BYTES_PER_TOKEN = 16;

/** Models that search, or run tools, by themselves. */
const selfActing = /deep-research|compound|:online$/;

export function boundAttempt(request: RequestBound, endpoint: Endpoint): AttemptBound {
  const { tools, answers } = request;
  const { provider, model } = endpoint;
  const window = windowOf(request, endpoint);
  let unbounded = tools.open ?? (selfActing.test(model) ? `the model ${model}, which searches by itself,` : undefined);
  let inputTokens = Math.min(request.textBytes + prefaceOf(request, endpoint), window ?? Number.POSITIVE_INFINITY);
  const ofPicture = request.pictures === 0 ? 0 : pictureTokens(endpoint);
  if (ofPicture !== undefined && request.openMedia === undefined) inputTokens += request.pictures * ofPicture;
  else if (window !== undefined) inputTokens = window;
  else {
    unbounded ??= request.openMedia ?? 'a picture';
    inputTokens += request.pictures * PICTURE_TOKENS_HELD + Math.ceil(request.mediaBytes / MEDIA_BYTES_PER_TOKEN);
  }
  if (tools.rounds > 0) {
    // After each call all is read again, with what the call found.
    if (window === undefined) unbounded ??= 'what its tools read';
    else inputTokens = Math.min(window * (tools.rounds + 1), Number.MAX_SAFE_INTEGER);
  }
  const isSilent = request.outputTokens === undefined;
  const longest = endpoint.outputTokensMax ?? window;
  const named = request.outputTokens ?? (endpoint.outputTokensMax ?? OUTPUT_TOKENS_HELD) * answers;
  return {
    inputTokens,
    outputTokens: Math.min(
      Math.ceil(longest === undefined ? named : Math.min(named, longest * answers)),
      Number.MAX_SAFE_INTEGER,
    ),
    answers,
    toolCalls: tools.calls,
    // Others than Anthropic may write to their caches unasked.
    get mayWriteCache() {
      return provider.dialect !== 'anthropic-messages' || request.marksCache;
    },
    get mayWriteCacheForAnHour() {
      return request.marksCacheForAnHour;
    },
    get mayHoldMedia() {
      return request.mayHoldMedia;
    },
    unbounded,
    isOutputOpen: isSilent && endpoint.outputTokensMax === undefined,
    outputCap: isSilent && (endpoint.outputTokensMax ?? 0) > OUTPUT_TOKENS_HELD ? OUTPUT_TOKENS_HELD : undefined,
  };
}

/** Longer input is refused by the provider, or cut by it. */
function windowOf({ hasLongContext }: RequestBound, { inputTokensMax }: Endpoint): number | undefined {
  if (inputTokensMax === undefined || !hasLongContext) return inputTokensMax;
  return Math.max(inputTokensMax, LONG_CONTEXT_TOKENS);
}

function prefaceOf({ tools, asksForForm }: RequestBound, { provider }: Endpoint): number {
  const { plain, explained } = PREFACE_OF.get(provider.id) ?? PREFACE;
  return (tools.hasTools || asksForForm ? explained : plain) + tools.described * DESCRIBED_TOOL_TOKENS;
}

/**
 * What a picture takes at most, whatever its size, where the vendor says how it counts: Anthropic by the area after it is scaled
 * down, OpenAI by tiles or patches, with a factor by the model. Undefined where nobody says.
 */
function pictureTokens({ provider, model }: Endpoint): number | undefined {
  if (provider.dialect === 'anthropic-messages') return 5_000;
  if (provider.id !== 'openai') return undefined;
  if (model.includes('gpt-4o-mini')) return 48_169;
  return /^(chatgpt-4o|gpt-4|o1|o3|o4)/.test(model) ? 4_000 : 25_000;
}
