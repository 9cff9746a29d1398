import { FACE_PATHS } from '../face.ts';

/** One call as its client saw it. */
export interface Call {
  /** The provider's name of the model: one for each call, so that ledger, bill and client can be matched. */
  readonly model: string;
  readonly isStream: boolean;
  /** When pieces of a stream that carried content arrived; milliseconds on this process's clock. */
  readonly contentAtMs: number[];
  /** Was the end mark, or the whole body, received? */
  isComplete: boolean;
  status: number | undefined;
  /** When its gateway was killed under it. */
  killedAtMs: number | undefined;
}

const CALLERS = 12;

/** Clients that call without a pause, in both dialects to providers of both, streamed and whole; some leave early. */
export class Callers {
  readonly calls: Call[] = [];
  readonly #key: string;
  readonly #random: () => number;
  #running: Promise<void>[] = [];
  #isStopping = false;

  constructor(key: string, random: () => number) {
    this.#key = key;
    this.#random = random;
  }

  start(urls: readonly string[]): void {
    this.#isStopping = false;
    this.#running = Array.from({ length: CALLERS }, (_, n) => this.#callOn(urls[n % urls.length] ?? ''));
  }

  /** A gateway was killed just now: calls that end without an end were its. */
  noteKill(): void {
    const nowMs = performance.now();
    for (const call of this.calls) if (!call.isComplete) call.killedAtMs ??= nowMs;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  async #callOn(url: string): Promise<void> {
    while (!this.#isStopping) {
      const call: Call = {
        model: `m${this.calls.length}`,
        isStream: this.#random() < 0.6,
        contentAtMs: [],
        isComplete: false,
        status: undefined,
        killedAtMs: undefined,
      };
      this.calls.push(call);
      try {
        await this.#call(url, call);
      } catch {
        // The connection broke: its gateway was killed, or the client left. The comparison knows what to make of it.
        await Bun.sleep(5);
      }
    }
  }

  async #call(url: string, call: Call): Promise<void> {
    const face = this.#random() < 0.5 ? 'openai-chat' : 'anthropic-messages';
    const provider = this.#random() < 0.5 ? 'openai-chat' : 'anthropic-messages';
    const leavesAfter = this.#random() < 0.05 ? 1 + Math.floor(this.#random() * 8) : Number.POSITIVE_INFINITY;
    const abort = new AbortController();
    const response = await fetch(`${url}${FACE_PATHS[face]}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.#key}` },
      body: JSON.stringify({
        model: `${provider}.${call.model}`,
        stream: call.isStream,
        max_tokens: 100,
        messages: [{ role: 'user', content: 'x'.repeat(8_000) }],
      }),
      signal: abort.signal,
    });
    call.status = response.status;
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const pieces = text.match(/word\d+ /g)?.length ?? 0;
      while (call.isStream && call.contentAtMs.length < pieces) call.contentAtMs.push(performance.now());
      if (pieces >= leavesAfter) {
        abort.abort();
        return;
      }
      // The end mark is the end: whoever has it need not wait for the connection to close.
      if (call.isStream && /data: \[DONE\]|"message_stop"/.test(text)) call.isComplete = true;
    }
    if (!call.isStream) call.isComplete = response.status === 200 && isJson(text);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
