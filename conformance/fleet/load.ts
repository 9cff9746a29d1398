import { FACE_PATHS } from '../face.ts';
import type { Level } from './levels.ts';
import { type CallerWords, INPUT_NANO, type LoadCall, OUTPUT_NANO } from './load-call.ts';

export interface LoadOptions {
  /** Where the gateway is now. */
  readonly url: () => string;
  readonly random: () => number;
  readonly concurrency: number;
}

/** All bodies have this length, so that the bound of the input is the same for all of one face. */
const BODY_BYTES = 1_200;
const OUTPUT_MIN = 60;
const OUTPUT_MAX = 400;
const AFTER_REFUSAL_MS = 12;
/** Some clients leave in the middle. */
const LEAVING = 0.2;

export interface Refused {
  readonly limitNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  readonly neededNanoUsd: bigint;
}

type Face = keyof typeof FACE_PATHS;

/** Many clients at once, streamed and whole, in both dialects; and single calls that ask where a budget stands. */
export class Load {
  readonly calls: LoadCall[] = [];
  readonly #options: LoadOptions;
  readonly #inputBound = new Map<Face, bigint>();

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Learns what the gateway holds for the input of a call. @param key Its budget has `lineNanoUsd`, and nobody else uses it. */
  async learn(key: string, lineNanoUsd: bigint): Promise<void> {
    for (const face of ['openai-chat', 'anthropic-messages'] as const) {
      const outputTokens = Number(lineNanoUsd / BigInt(OUTPUT_NANO));
      const { refused } = await this.single({ key }, 'learn', outputTokens, face);
      if (refused === undefined) throw new Error('A call that no budget has room for was not refused.');
      this.#inputBound.set(face, refused.neededNanoUsd - BigInt(outputTokens * OUTPUT_NANO));
    }
  }

  /** The most output a call may ask for within an amount of money. */
  outputWithin(nanoUsd: bigint): number {
    const left = nanoUsd - (this.#inputBound.get('openai-chat') ?? 0n);
    return left < 0n ? 0 : Number(left / BigInt(OUTPUT_NANO));
  }

  /** Drives a level until told that it is over. */
  async drive(level: Level, isOver: () => boolean): Promise<void> {
    await Promise.all(Array.from({ length: this.#options.concurrency }, () => this.#caller(level, isOver)));
  }

  /** One whole call. @returns the call, and what the refusal said when a budget refused it. */
  async single(
    words: CallerWords,
    level: string,
    outputTokens: number,
    face: Face = 'openai-chat',
  ): Promise<{ call: LoadCall; refused: Refused | undefined }> {
    const call = this.#newCall(level, words, outputTokens, face);
    const response = await this.#send(call, { face, outputTokens, isStream: false });
    call.status = response.status;
    await response.arrayBuffer();
    call.endedAtMs = performance.now();
    call.end = response.status === 200 ? 'whole' : response.status === 402 ? 'refused' : 'failed';
    return { call, refused: response.status === 402 ? refusedOf(response.headers) : undefined };
  }

  async #caller(level: Level, isOver: () => boolean): Promise<void> {
    const { random } = this.#options;
    while (!isOver()) {
      const words = level.callers[Math.floor(random() * level.callers.length)] as CallerWords;
      const face = random() < 0.5 ? 'openai-chat' : 'anthropic-messages';
      const outputTokens = OUTPUT_MIN + Math.floor(random() * (OUTPUT_MAX - OUTPUT_MIN));
      const call = this.#newCall(level.name, words, outputTokens, face);
      const leavesAfter = random() < LEAVING ? 1 + Math.floor(random() * 5) : Number.POSITIVE_INFINITY;
      try {
        await this.#read(call, { face, outputTokens, isStream: random() < 0.6 }, leavesAfter);
      } catch (error) {
        // The connection broke: its worker was killed. What became of the call, the ledger says.
        if (call.end !== 'left') call.said = String(error);
      }
      call.endedAtMs = performance.now();
      if (call.end !== 'whole') await Bun.sleep((call.end === 'broken' ? 10 : 1) * AFTER_REFUSAL_MS * (1 + random()));
    }
  }

  async #read(call: LoadCall, asked: Asked, leavesAfter: number): Promise<void> {
    const abort = new AbortController();
    const response = await this.#send(call, asked, abort.signal);
    call.status = response.status;
    const decoder = new TextDecoder();
    let text = '';
    let pieces = 0;
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (response.status === 200 && ++pieces >= leavesAfter) {
        call.end = 'left';
        abort.abort();
        return;
      }
    }
    if (response.status !== 200) call.said = text;
    if (response.status === 402) call.end = 'refused';
    else if (response.status !== 200) call.end = 'failed';
    else call.end = !asked.isStream || /data: \[DONE\]|"message_stop"/.test(text) ? 'whole' : 'broken';
  }

  #newCall(level: string, words: CallerWords, outputTokens: number, face: Face): LoadCall {
    const call: LoadCall = {
      level,
      words,
      model: `${words.family ?? 'free'}-${this.calls.length}`,
      sentAtMs: performance.now(),
      boundNanoUsd: (this.#inputBound.get(face) ?? 0n) + BigInt(outputTokens * OUTPUT_NANO),
      endedAtMs: Number.POSITIVE_INFINITY,
      status: 0,
      end: 'broken',
    };
    this.calls.push(call);
    return call;
  }

  #send({ words, model }: LoadCall, { face, outputTokens, isStream }: Asked, signal?: AbortSignal): Promise<Response> {
    const provider = words.provider ?? (this.#options.random() < 0.5 ? 'chat' : 'messages');
    const body = {
      model: `${provider}.${model}`,
      stream: isStream,
      max_tokens: outputTokens,
      messages: [{ role: 'user', content: '' }],
      ...(words.endUser !== undefined && face === 'openai-chat' && { user: words.endUser }),
      ...(words.endUser !== undefined && face === 'anthropic-messages' && { metadata: { user_id: words.endUser } }),
    };
    const content = 'x'.repeat(BODY_BYTES - JSON.stringify(body).length);
    return fetch(`${this.#options.url()}${FACE_PATHS[face]}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${words.key}`,
        ...(words.tags !== undefined && { 'x-turnpike-tags': words.tags }),
        // Single calls come on connections of their own, and so at any worker.
        ...(signal === undefined && { connection: 'close' }),
      },
      body: JSON.stringify({ ...body, messages: [{ role: 'user', content }] }),
      ...(signal !== undefined && { signal }),
      keepalive: signal !== undefined,
    });
  }
}

interface Asked {
  readonly face: Face;
  readonly outputTokens: number;
  readonly isStream: boolean;
}

function refusedOf(headers: Headers): Refused {
  const nano = (name: string) => {
    const text = headers.get(`x-turnpike-budget-${name}-usd`);
    if (text === null) throw new Error(`A refusal does not say "${name}".`);
    const [whole = '0', part = ''] = text.split('.');
    return BigInt(whole) * 1_000_000_000n + BigInt(part.padEnd(9, '0'));
  };
  return {
    limitNanoUsd: nano('limit'),
    spentNanoUsd: nano('spent'),
    heldNanoUsd: nano('held'),
    neededNanoUsd: nano('needed'),
  };
}

/** What the provider bills for a whole answer. */
export function costOf(usage: { inputTokens: number; outputTokens: number }): bigint {
  return BigInt(usage.inputTokens * INPUT_NANO + usage.outputTokens * OUTPUT_NANO);
}
