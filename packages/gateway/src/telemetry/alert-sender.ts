import { createHmac } from 'node:crypto';
import type { AlertWebhook } from '../config/alert-settings.ts';
import type { Log } from './log.ts';

/** One thing operators are told. */
export interface Alert {
  /** Where several processes would tell the same, one does: the first to claim this name. */
  readonly id: string;
  /** From when on the same may be told again, in Unix milliseconds; Infinity for never. */
  readonly untilMs: number;
  /** What is posted, with `id` and `at` before it. */
  readonly body: Readonly<Record<string, string | null>>;
}

export interface AlertHouse {
  readonly log: Pick<Log, 'warn'>;
  /** See `Store.claimOnce`. */
  readonly claim: (name: string, untilMs: number, nowMs: number) => Promise<boolean>;
  readonly now: () => number;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** Alerts that may wait; further ones are left out, and the log says so. */
const WAITING_MAX = 100;
const TIMEOUT_MS = 10_000;
const CLOSE_MS = 3_000;
/** Waits before the second try and so on. */
const RETRY_MS = [1_000, 5_000, 30_000] as const;

/**
 * Posts alerts to a webhook, one after the other and never in the way of an exchange. What the receiver does not take with a
 * 2xx answer is tried again some times and then left out, which the log says.
 */
export class AlertSender {
  readonly #house: AlertHouse;
  readonly #sleep: (ms: number) => Promise<void>;
  #webhook: AlertWebhook | undefined;
  #waiting: Alert[] = [];
  #running: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(house: AlertHouse) {
    this.#house = house;
    this.#sleep = house.sleep ?? Bun.sleep;
  }

  configure(webhook: AlertWebhook | undefined): void {
    this.#webhook = webhook;
  }

  /** Never throws and never waits. */
  send(alert: Alert): void {
    if (this.#webhook === undefined || this.#stop.signal.aborted) return;
    if (this.#waiting.length >= WAITING_MAX) {
      this.#house.log.warn('An alert was left out: too many wait to be sent.', { alert: alert.id });
      return;
    }
    this.#waiting.push(alert);
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
    });
  }

  /** What is not taken within three seconds is left out. */
  async close(): Promise<void> {
    this.#stop.abort();
    if (this.#running === undefined) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_MS);
    });
    await Promise.race([this.#running, late]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    for (let alert = this.#waiting.shift(); alert !== undefined; alert = this.#waiting.shift()) {
      try {
        if (await this.#isOurs(alert)) await this.#deliver(alert);
      } catch (error) {
        this.#house.log.warn('An alert could not be sent.', { alert: alert.id, error: errorOf(error) });
      }
    }
  }

  /** Rather told twice than not at all: without the database nobody knows who else tells it. */
  async #isOurs({ id, untilMs }: Alert): Promise<boolean> {
    return this.#house.claim(`alert:${id}`, untilMs, this.#house.now()).catch(() => true);
  }

  async #deliver(alert: Alert): Promise<void> {
    for (let tried = 0; ; tried++) {
      try {
        return await this.#post(alert);
      } catch (error) {
        const waitMs = RETRY_MS[tried];
        if (waitMs === undefined || this.#stop.signal.aborted) throw error;
        await Promise.race([this.#sleep(waitMs), aborted(this.#stop.signal)]);
      }
    }
  }

  async #post({ id, body }: Alert): Promise<void> {
    const webhook = this.#webhook;
    if (webhook === undefined) return;
    const text = JSON.stringify({ id, at: new Date(this.#house.now()).toISOString(), ...body });
    const headers: Record<string, string> = { ...webhook.headers, 'content-type': 'application/json' };
    if (webhook.secret !== undefined) {
      headers['x-turnpike-signature'] = `sha256=${createHmac('sha256', webhook.secret).update(text).digest('hex')}`;
    }
    const response = await fetch(webhook.url, {
      method: 'POST',
      headers,
      body: text,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`The webhook answered ${response.status}.`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function errorOf(error: unknown): Error | string {
  return error instanceof Error ? error : String(error);
}
