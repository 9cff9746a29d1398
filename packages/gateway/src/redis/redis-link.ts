import type { RedisAddress } from './redis-address.ts';
import { openConnection, RedisAway, type RedisConnection } from './redis-connection.ts';

export interface RedisLinkOptions {
  readonly address: RedisAddress;
  /** Told once when the server is lost, or cannot be had at first, and why. */
  readonly onLoss: (error: Error) => void;
  /** Told once when it is there again after that. */
  readonly onReturn: () => void;
  /** After so long without an answer nothing more is asked until one comes. Default 45. */
  readonly silentMs?: number | undefined;
}

const SILENT_MS = 45;
/** After so long a connection is given up and made anew. */
const DEAD_MS = 2_000;
/** A shorter silence is not worth a line in the log. */
const LOSS_MS = 500;
const LOOK_MS = 250;
/** Under way at once; what is more is turned away. */
const PENDING_MAX = 2_000;
const RETRY_MS = 50;
const RETRY_MS_MAX = 500;

/** What is under way with one part of the server. */
interface Lane {
  pending: number;
  /** Since when an answer is waited for; counts anew from each. */
  sinceMs: number;
  /** One was not answered in time, and none since. */
  isSilent: boolean;
  /** Since when nothing could be asked; Infinity when the latest could. */
  failingSinceMs: number;
}

/**
 * A connection that is made anew whenever it breaks or falls silent, for ever. Whoever asks is answered within
 * `silentMs` or told that nobody is there; nothing waits for a connection.
 */
export class RedisLink {
  readonly address: RedisAddress;
  readonly #options: RedisLinkOptions;
  readonly #silentMs: number;
  readonly #listeners = new Map<string, Set<(message: string) => void>>();
  readonly #onOpen = new Set<(isFirstTry: boolean) => void>();
  readonly #onAnswer = new Set<() => void>();
  readonly #lanes = new Map<string, Lane>();
  #pending = 0;
  #connection: RedisConnection | undefined;
  #isLost = false;
  #isClosed = false;
  #wake: () => void = () => undefined;
  #look: ReturnType<typeof setInterval> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: RedisLinkOptions) {
    this.#options = options;
    this.#silentMs = options.silentMs ?? SILENT_MS;
    this.address = options.address;
  }

  /** Begins to connect, and waits for the first try at most. To be called once, after what listens is there. */
  async open(): Promise<void> {
    this.#look = setInterval(() => this.#lookAtLanes(), LOOK_MS);
    this.#look.unref();
    const tried = Promise.withResolvers<void>();
    this.#running = this.#keepOpen(tried.resolve);
    await tried.promise;
  }

  /** @param listener Told on each new connection, and whether it was the first one that was tried. */
  onOpen(listener: (isFirstTry: boolean) => void): void {
    this.#onOpen.add(listener);
  }

  /** @param listener Told when an answer comes after one that did not come in time. */
  onAnswer(listener: () => void): void {
    this.#onAnswer.add(listener);
  }

  /** Before {@link open}. Messages that are sent while there is no connection are never seen. */
  subscribe(channel: string, listener: (message: string) => void): void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
  }

  /**
   * @param args A command; none to ask whether anybody is there. @param key Chooses the node of a cluster; empty for any. @param lane What falls silent together.
   * @param untilMs Not waited for any longer, on the clock of `performance.now()`.
   * @throws RedisAway @throws whatever the server says against it
   */
  async run(key: string, args: readonly string[], lane = '', untilMs = this.answerBy()): Promise<unknown> {
    const connection = this.#connection;
    if (connection === undefined) throw new RedisAway('There is no connection.');
    const here = this.#lane(lane);
    const startedMs = performance.now();
    if (untilMs <= startedMs) throw new RedisAway('There is no time left.');
    if (here.isSilent) throw new RedisAway('The server is silent.');
    if (this.#pending >= PENDING_MAX) throw new RedisAway('Too much is under way.');
    if (here.pending === 0) here.sinceMs = startedMs;
    here.pending++;
    this.#pending++;
    const sent = args.length === 0 ? connection.ping() : connection.send(key, args);
    const answer = sent.finally(() => {
      this.#pending--;
      here.pending--;
      here.sinceMs = performance.now();
      if (here.isSilent) this.#speaks(here);
    });
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      here.isSilent = true;
      late.reject(new RedisAway('The server did not answer in time.'));
    }, untilMs - startedMs);
    try {
      const found = await Promise.race([answer, late.promise]);
      here.failingSinceMs = Number.POSITIVE_INFINITY;
      return found;
    } catch (error) {
      here.failingSinceMs =
        error instanceof RedisAway ? Math.min(here.failingSinceMs, startedMs) : Number.POSITIVE_INFINITY;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Until when an answer to what is asked now is waited for, on the clock of `performance.now()`. */
  answerBy(): number {
    return performance.now() + this.#silentMs;
  }

  /** Tells all who subscribed, if there is a connection. */
  publish(channel: string, message: string): void {
    // Nobody counts on it: what it tells is found by looking, too.
    this.run('', ['PUBLISH', channel, message]).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#look);
    this.#wake();
    this.#connection?.destroy();
    await this.#running;
  }

  #speaks(lane: Lane): void {
    lane.isSilent = false;
    for (const listener of this.#onAnswer) listener();
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { pending: 0, sinceMs: 0, isSilent: false, failingSinceMs: Number.POSITIVE_INFINITY };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  async #keepOpen(onTried: () => void): Promise<void> {
    let tries = 0;
    for (let isFirstTry = true; !this.#isClosed; isFirstTry = false) {
      const ended = Promise.withResolvers<Error>();
      try {
        const connection = await openConnection(this.#options.address, ended.resolve);
        if (this.#isClosed) return connection.destroy();
        await this.#takeUp(connection, isFirstTry);
        tries = 0;
        onTried();
        this.#wake = () => ended.resolve(new RedisAway('The server fell silent.'));
        const error = await ended.promise;
        this.#connection = undefined;
        destroyQuietly(connection);
        if (!this.#isClosed) this.#tellLoss(error);
      } catch (error) {
        this.#connection = undefined;
        if (!this.#isClosed) this.#tellLoss(error instanceof Error ? error : new Error(String(error)));
      }
      onTried();
      if (this.#isClosed) return;
      const pauseMs = Math.min(RETRY_MS * 2 ** tries++, RETRY_MS_MAX) * (0.5 + Math.random() / 2);
      const pause = Promise.withResolvers<void>();
      this.#wake = pause.resolve;
      const timer = setTimeout(pause.resolve, pauseMs);
      await pause.promise;
      clearTimeout(timer);
    }
  }

  async #takeUp(connection: RedisConnection, isFirstTry: boolean): Promise<void> {
    // Those of an earlier connection have rejected, or never will be answered.
    this.#lanes.clear();
    const channels = [...this.#listeners.keys()];
    if (channels.length > 0) {
      const told = (message: string, channel: string) => {
        for (const listener of this.#listeners.get(channel) ?? []) listener(message);
      };
      try {
        await connection.subscribe(channels, told);
      } catch (error) {
        destroyQuietly(connection);
        throw error;
      }
    }
    this.#connection = connection;
    for (const listener of this.#onOpen) listener(isFirstTry);
    this.#tellReturn();
  }

  /** Has any part been away for long? Whether the server lives is asked, too, when nobody else asks. */
  #lookAtLanes(): void {
    if (this.#connection === undefined) return;
    const nowMs = performance.now();
    let longestMs = 0;
    for (const { pending, sinceMs, failingSinceMs } of this.#lanes.values()) {
      longestMs = Math.max(longestMs, nowMs - (pending > 0 ? Math.min(sinceMs, failingSinceMs) : failingSinceMs));
    }
    if (longestMs > LOSS_MS) this.#tellLoss(new RedisAway('The server does not answer.'));
    else if (longestMs < this.#silentMs) this.#tellReturn();
    if (longestMs > DEAD_MS) this.#wake();
    // Rejects when it cannot be asked, which the lane shows too.
    else if (this.#lane('').pending === 0) this.run('', []).catch(() => undefined);
  }

  #tellLoss(error: Error): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#options.onLoss(error);
  }

  #tellReturn(): void {
    if (!this.#isLost) return;
    this.#isLost = false;
    this.#options.onReturn();
  }
}

/** A client that closed itself says so when it is closed again. */
function destroyQuietly(connection: RedisConnection): void {
  try {
    connection.destroy();
  } catch {
    // It was closed already.
  }
}
