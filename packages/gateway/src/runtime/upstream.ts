import { Fault } from '@turnpike/wire/fault.ts';
import type { Alarm, Alarms } from './alarm.ts';
import { monotonicMs } from './clock.ts';
import type { Reachability } from './reachable.ts';

/** Bounds on waiting, in milliseconds; see `Deadlines` in the snapshot. */
interface Bounds {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly betweenChunksMs: number;
  readonly totalMs: number;
}

export interface UpstreamRequest {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
  readonly bounds: Bounds;
  /** Aborted when the client goes away; the upstream connection is closed at once. */
  readonly clientSignal: AbortSignal;
  /** Called once when the answer takes its time: the client's connection must then be kept although it is silent. */
  readonly onSlow: () => void;
}

/** Latest time to look whether a connection stands, and to call `onSlow`, in milliseconds after dispatch. */
const SLOW_MS_MAX = 30_000;

/** Proxies of the environment make the connection for us, so probing the origin would tell nothing. */
const hasProxy = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].some((name) => Boolean(process.env[name]));

/**
 * One call of a provider, from dispatch to last byte, under its deadlines.
 *
 * Every way it can fail comes out as a {@link Fault} from `open`, `read` or `readAll`; whatever happens, `close` must be
 * called once and leaves nothing behind.
 */
export class UpstreamCall {
  readonly #request: UpstreamRequest;
  readonly #alarms: Alarms;
  readonly #reachability: Reachability;
  readonly #controller = new AbortController();
  readonly #startedMs = monotonicMs();
  readonly #alarm: Alarm;
  readonly #onClientGone = () => this.#abort(new Fault('client_gone'));
  /** When the deadline in force comes due. */
  #dueAtMs: number;
  #isListening = false;
  #phase: 'connect' | 'first-byte' | 'body' = 'connect';
  #fault: Fault | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;

  constructor(request: UpstreamRequest, alarms: Alarms, reachability: Reachability) {
    this.#request = request;
    this.#alarms = alarms;
    this.#reachability = reachability;
    this.#dueAtMs = this.#connectProbeAtMs();
    // The first sweep only begins to listen for the client: an answer that comes sooner is spared the listener.
    this.#alarm = { dueAtMs: this.#startedMs, ring: () => (this.#isListening ? this.#onDue() : this.#listen()) };
  }

  /** Sends the request and waits for status and headers. */
  async open(): Promise<Response> {
    const { url, headers, body, clientSignal } = this.#request;
    if (clientSignal.aborted) throw new Fault('client_gone');
    if (this.#phase === 'first-byte') this.#request.onSlow();
    this.#alarms.add(this.#alarm);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body,
        signal: this.#controller.signal,
        // A redirect could lead the credential elsewhere; it is answered like any other status that is no success.
        redirect: 'manual',
        timeout: false,
      } as RequestInit);
      this.#phase = 'body';
      this.#setBodyDue();
      return response;
    } catch (error) {
      throw this.#faultOf(error);
    }
  }

  /** The next bytes of the body; undefined at its end. */
  async read(response: Response): Promise<Uint8Array | undefined> {
    if (response.body === null) return undefined;
    this.#reader ??= response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    try {
      const { done, value } = await this.#reader.read();
      // One assignment per chunk moves the deadline.
      this.#setBodyDue();
      if (this.#fault !== undefined) throw this.#fault;
      return done ? undefined : value;
    } catch (error) {
      throw this.#faultOf(error);
    }
  }

  /** The whole body, at most `bytesMax` bytes. The deadlines between chunks and in total hold. */
  async readAll(response: Response, bytesMax: number): Promise<Uint8Array> {
    const declared = Number(response.headers.get('content-length'));
    if (declared > bytesMax) throw tooLarge(bytesMax);
    try {
      // Known to be small: one call instead of a loop over chunks.
      if (declared > 0 && declared <= WHOLE_READ_BYTES_MAX) return await response.bytes();
    } catch (error) {
      throw this.#faultOf(error);
    }
    const chunks: Uint8Array[] = [];
    let total = 0;
    for (let chunk = await this.read(response); chunk !== undefined; chunk = await this.read(response)) {
      total += chunk.length;
      if (total > bytesMax) throw tooLarge(bytesMax);
      chunks.push(chunk);
    }
    const [only] = chunks;
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, total);
  }

  /** Waits for a slow client. Meanwhile the provider is not to blame for silence: only the total deadline holds. */
  async whileWaiting(client: Promise<unknown>): Promise<void> {
    this.#alarm.dueAtMs = this.#startedMs + this.#request.bounds.totalMs;
    await client;
    this.#setDue(this.#request.bounds.betweenChunksMs);
  }

  /** Ends the call. Bytes not read yet are not waited for: the connection is closed. */
  close(): void {
    this.#alarms.remove(this.#alarm);
    if (this.#isListening) this.#request.clientSignal.removeEventListener('abort', this.#onClientGone);
  }

  /** Ends the call before its end: closes the connection to the provider. */
  abandon(): void {
    this.close();
    this.#controller.abort();
  }

  #connectProbeAtMs(): number {
    const { connectMs, firstByteMs } = this.#request.bounds;
    if (hasProxy || connectMs >= firstByteMs) {
      this.#phase = 'first-byte';
      return this.#startedMs + firstByteMs;
    }
    return this.#startedMs + Math.min(connectMs / 2, SLOW_MS_MAX);
  }

  #setBodyDue(): void {
    const { betweenChunksMs, totalMs } = this.#request.bounds;
    this.#setDue(Math.min(monotonicMs() + betweenChunksMs, this.#startedMs + totalMs));
  }

  #setDue(atMs: number): void {
    this.#dueAtMs = atMs;
    if (this.#isListening) this.#alarm.dueAtMs = atMs;
  }

  #listen(): void {
    const { clientSignal } = this.#request;
    this.#isListening = true;
    this.#alarm.dueAtMs = this.#dueAtMs;
    if (clientSignal.aborted) this.#onClientGone();
    else clientSignal.addEventListener('abort', this.#onClientGone);
  }

  #onDue(): void {
    const { bounds } = this.#request;
    if (monotonicMs() - this.#startedMs >= bounds.totalMs) {
      this.#abort(timedOut('upstream_timeout', 'did not finish', bounds.totalMs));
    } else if (this.#phase === 'connect') {
      this.#phase = 'first-byte';
      this.#setDue(this.#startedMs + Math.min(bounds.firstByteMs, bounds.totalMs));
      this.#request.onSlow();
      void this.#probe(bounds.connectMs - Math.min(bounds.connectMs / 2, SLOW_MS_MAX));
    } else if (this.#phase === 'first-byte') {
      this.#abort(timedOut('upstream_first_byte_timeout', 'sent no first byte', bounds.firstByteMs));
    } else {
      this.#abort(timedOut('upstream_stalled', 'sent nothing more', bounds.betweenChunksMs));
    }
  }

  async #probe(withinMs: number): Promise<void> {
    const reachable = await this.#reachability.check(new URL(this.#request.url), withinMs, monotonicMs());
    if (!reachable && this.#phase !== 'body') {
      this.#abort(timedOut('upstream_connect_timeout', 'accepted no connection', this.#request.bounds.connectMs));
    }
  }

  #abort(fault: Fault): void {
    this.#fault ??= fault;
    this.#controller.abort();
  }

  #faultOf(error: unknown): Fault {
    if (this.#fault !== undefined) return this.#fault;
    if (error instanceof Fault) return error;
    return networkFault(error, this.#phase === 'body');
  }
}

/** Bodies up to this size are read in one call; larger ones chunk by chunk, so that the stall deadline is seen. */
const WHOLE_READ_BYTES_MAX = 256 * 1024;

function tooLarge(bytesMax: number): Fault {
  return new Fault('upstream_too_large', { message: `The provider's answer is larger than ${bytesMax} bytes.` });
}

function timedOut(
  code: 'upstream_timeout' | 'upstream_first_byte_timeout' | 'upstream_stalled' | 'upstream_connect_timeout',
  what: string,
  ms: number,
): Fault {
  return new Fault(code, { message: `The provider ${what} within ${ms} ms.` });
}

/** What Bun's fetch says in `error.code`, in our words. */
function networkFault(error: unknown, inBody: boolean): Fault {
  const code = errorCode(error);
  if (inBody) {
    return new Fault('upstream_cut_short', {
      message: `The provider closed the connection before it was done${code === '' ? '' : ` (${code})`}.`,
      cause: error,
    });
  }
  const says = REFUSALS[code];
  return new Fault('upstream_refused', {
    message: `The provider could not be reached: ${says ?? (code || 'the connection failed')}.`,
    cause: error,
  });
}

const REFUSALS: Record<string, string> = {
  ConnectionRefused: 'the connection was refused',
  ECONNREFUSED: 'the connection was refused',
  ConnectionClosed: 'it closed the connection without an answer',
  ECONNRESET: 'it reset the connection',
  FailedToOpenSocket: 'the connection could not be opened',
  ENOTFOUND: 'its name does not resolve',
  DNSResolveFailed: 'its name does not resolve',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate cannot be verified',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  CERT_HAS_EXPIRED: 'its certificate has expired',
};

function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
