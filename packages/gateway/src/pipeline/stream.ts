import type { Usage } from '@turnpike/wire/canon/usage.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import type { Alarm } from '../runtime/alarm.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { noteProgress } from './account.ts';
import { answerHeaders, passProviderHeaders } from './answer-headers.ts';
import { asFault } from './attempt.ts';
import { budgetHeaders } from './budget-headers.ts';
import { estimateUsage } from './estimate.ts';
import { limitHeaders } from './limit-headers.ts';
import type { Services } from './services.ts';
import { recordAttempt, settle } from './settle.ts';
import type { Answer, StreamAnswer, WholeAnswer } from './try-endpoint.ts';

/** Sent on a silent stream so that proxies and clients keep the connection. A comment: every SSE parser skips it. */
const KEEP_ALIVE = new TextEncoder().encode(': keep-alive\n\n');

/** How often what a running stream has used is journalled: what is lost of it at most with the process. */
const PROGRESS_MS = 1_000;

/** Bun's direct stream: writes go to the socket at once, and give a promise while the client is slow to read. */
interface DirectController {
  write(bytes: Uint8Array): number | Promise<number>;
  flush(): number | Promise<number>;
  close(): void;
}

/** Bun's types describe the controller of a direct stream more narrowly than it is. */
type DirectSource = Bun.DirectUnderlyingSource<Uint8Array>;

/** Hands the answer to the client and settles the exchange when the last byte has passed. */
export function stream(services: Services, exchange: Exchange, answer: Answer): Response | Promise<Response> {
  return answer.type === 'whole' ? whole(services, exchange, answer) : streamed(services, exchange, answer);
}

function whole(services: Services, exchange: Exchange, answer: WholeAnswer): Response | Promise<Response> {
  exchange.firstByteMs = monotonicMs() - exchange.startedMonotonicMs;
  const { endpoint, usage, finish, responseId, row } = answer;
  recordAttempt(services, exchange, row, endpoint, usage, false);
  settle(services, exchange, {
    status: 200,
    served: { attempt: row, endpoint, usage, isEstimated: false, finish, responseId },
  });
  const headers = answerHeaders(exchange, row);
  passProviderHeaders(answer.headers, headers);
  limitHeaders(exchange, headers);
  budgetHeaders(exchange, headers);
  headers['content-type'] = answer.contentType;
  const response = () => new Response(answer.bytes, { status: 200, headers });
  const noted = services.ledger.settled();
  return noted === undefined ? response() : noted.then(response);
}

function streamed(services: Services, exchange: Exchange, answer: StreamAnswer): Response {
  const headers = answerHeaders(exchange, answer.row);
  passProviderHeaders(answer.headers, headers);
  limitHeaders(exchange, headers);
  budgetHeaders(exchange, headers);
  headers['content-type'] = 'text/event-stream; charset=utf-8';
  headers['cache-control'] = 'no-cache';
  // Proxies in front (nginx) would otherwise collect the stream.
  headers['x-accel-buffering'] = 'no';

  exchange.holdOpen();
  const passage = new Passage(services, exchange, answer);
  const source = {
    type: 'direct' as const,
    pull: (controller: DirectController) => passage.run(controller),
    cancel: () => passage.abandon(),
  };
  return new Response(new ReadableStream(source as unknown as DirectSource), { status: 200, headers });
}

/** One stream on its way from provider to client. */
class Passage {
  readonly #services: Services;
  readonly #exchange: Exchange;
  readonly #answer: StreamAnswer;
  readonly #keepAlive: Alarm;
  readonly #progress: Alarm;
  #controller: DirectController | undefined;
  #isOver = false;
  /** What it used, once its account is closed. */
  #final: { usage: Usage | undefined; isEstimated: boolean } | undefined;
  #noted = 0;

  constructor(services: Services, exchange: Exchange, answer: StreamAnswer) {
    this.#services = services;
    this.#exchange = exchange;
    this.#answer = answer;
    this.#keepAlive = { dueAtMs: Number.POSITIVE_INFINITY, ring: () => this.#comment() };
    this.#progress = { dueAtMs: monotonicMs() + PROGRESS_MS, ring: () => this.#noteProgress() };
    // The client may leave before the first pull: then nobody else would end this.
    exchange.request.signal.addEventListener('abort', this.#onGone);
  }

  readonly #onGone = () => this.abandon();

  async run(controller: DirectController): Promise<void> {
    const { call, relay, response } = this.#answer;
    this.#controller = controller;
    this.#exchange.firstByteMs = monotonicMs() - this.#exchange.startedMonotonicMs;
    this.#services.alarms.add(this.#keepAlive);
    this.#services.alarms.add(this.#progress);
    try {
      await this.#pass(this.#answer.first, this.#answer.isComplete);
      for (let done = this.#answer.isComplete; !done; ) {
        const chunk = await call.read(response);
        done = chunk === undefined;
        const bytes = chunk === undefined ? relay.end() : relay.push(chunk);
        await this.#pass(bytes, done);
        if (relay.fault !== undefined) break;
      }
      this.#finish({ status: 200, fault: relay.fault });
    } catch (error) {
      const fault = asFault(error);
      if (fault.code === 'internal') this.#services.onDefect(fault.cause ?? fault, this.#exchange.id);
      if (fault.code !== 'client_gone') {
        this.#account(fault);
        await this.#sendLast(relay.fail(fault));
      }
      this.#finish({ status: fault.code === 'client_gone' ? fault.status : 200, fault });
    } finally {
      controller.close();
    }
  }

  /** The client is gone: close the upstream now and settle for what was produced. */
  abandon(): void {
    const gone = new Fault('client_gone');
    this.#finish({ status: gone.status, fault: gone });
  }

  /** What the last bytes tell must be in the journal before they tell it. */
  async #pass(bytes: Uint8Array, isLast: boolean): Promise<void> {
    const { relay } = this.#answer;
    if (this.#final === undefined && (isLast || relay.ended || relay.fault !== undefined)) {
      this.#account(relay.fault);
      const noted = this.#services.ledger.settled();
      if (noted !== undefined) await noted;
    }
    if (bytes.length > 0) await this.#send(bytes);
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const controller = this.#controller;
    if (controller === undefined || this.#isOver) return;
    const written = controller.write(bytes);
    const { keepAliveMs } = this.#exchange.snapshot.server;
    this.#keepAlive.dueAtMs = keepAliveMs > 0 ? monotonicMs() + keepAliveMs : Number.POSITIVE_INFINITY;
    const flushed = controller.flush();
    // A promise means that the client reads slower than the provider sends: wait, and so read no further upstream.
    if (written instanceof Promise) await this.#answer.call.whileWaiting(written);
    if (flushed instanceof Promise) await this.#answer.call.whileWaiting(flushed);
  }

  async #sendLast(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await this.#send(bytes);
  }

  /** What passes is always whole events, so a comment may be put in anywhere. */
  #comment(): void {
    void this.#send(KEEP_ALIVE);
  }

  /** At most once per period and stream, and nothing per chunk. */
  #noteProgress(): void {
    const { relay } = this.#answer;
    if (this.#final !== undefined || this.#isOver) return;
    this.#progress.dueAtMs = monotonicMs() + PROGRESS_MS;
    if (relay.contentEvents === this.#noted) return;
    this.#noted = relay.contentEvents;
    noteProgress(this.#services, this.#exchange, estimateUsage(this.#exchange, relay));
  }

  /** Closes the attempt's account. What comes afterwards changes it no more. */
  #account(fault: Fault | undefined): { usage: Usage | undefined; isEstimated: boolean } {
    if (this.#final !== undefined) return this.#final;
    const { endpoint, relay, row } = this.#answer;
    const isEstimated = relay.usage?.outputTokens === undefined || (fault !== undefined && !relay.finish);
    const usage = isEstimated ? estimateUsage(this.#exchange, relay) : relay.usage;
    this.#final = { usage, isEstimated };
    row.fault = fault?.code;
    recordAttempt(this.#services, this.#exchange, row, endpoint, usage, isEstimated);
    return this.#final;
  }

  /** Runs once, whichever way the stream ended. */
  #finish(outcome: Omit<Outcome, 'served'>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { endpoint, relay, row, call } = this.#answer;
    this.#services.alarms.remove(this.#keepAlive);
    this.#services.alarms.remove(this.#progress);
    this.#exchange.request.signal.removeEventListener('abort', this.#onGone);
    if (outcome.fault === undefined) call.close();
    else call.abandon();
    const { usage, isEstimated } = this.#account(outcome.fault);
    row.fault = outcome.fault?.code;
    row.durationMs = this.#exchange.startedAtMs + (monotonicMs() - this.#exchange.startedMonotonicMs) - row.startedAtMs;
    this.#exchange.losses = [...this.#exchange.losses, ...relay.losses];
    const served = { attempt: row, endpoint, usage, isEstimated, finish: relay.finish, responseId: relay.responseId };
    settle(this.#services, this.#exchange, { ...outcome, served });
  }
}
