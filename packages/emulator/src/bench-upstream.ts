import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { bodyOfPlan, joinBytes, type WirePlan } from './http/wire-plan.ts';
import { renderTurn } from './render/render-turn.ts';

export interface BenchUpstreamOptions {
  port?: number;
  hostname?: string;
  /** Size of the whole JSON answer, in bytes. Default 1,000; smaller than the envelope means the envelope alone. */
  jsonBytes?: number;
  /** Content events of a stream, and the size of each in bytes. Defaults 100 and 256. */
  chunks?: number;
  chunkBytes?: number;
  /** Wait between content events, in milliseconds. 0 (default): the whole stream in one write. */
  paceMs?: number;
  /** Let several processes share the port (Linux). */
  reusePort?: boolean;
}

export interface BenchUpstream {
  url: string;
  port: number;
  /** Answers begun and not over. */
  readonly pending: number;
  stop(): Promise<void>;
}

interface Prepared {
  json: Uint8Array;
  /** One piece per event. */
  events: Uint8Array[];
  stream: Uint8Array;
}

const JSON_HEADERS = { 'content-type': 'application/json' };
const SSE_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };

/**
 * The fastest upstream this package can be: answers made once, no books kept, nothing looked at but the path's end and
 * whether the body says `"stream":true`. For measuring what stands in front of it.
 */
export function startBenchUpstream(options: BenchUpstreamOptions = {}): BenchUpstream {
  const { paceMs = 0 } = options;
  const chat = prepare('openai-chat', options);
  const messages = prepare('anthropic-messages', options);
  const server = Bun.serve({
    port: options.port ?? 0,
    hostname: options.hostname ?? '127.0.0.1',
    reusePort: options.reusePort,
    idleTimeout: 0,
    async fetch(request) {
      const prepared = request.url.endsWith('/messages') ? messages : chat;
      const body = await request.text();
      if (!/"stream"\s*:\s*true/.test(body)) return new Response(prepared.json, { headers: JSON_HEADERS });
      if (paceMs === 0) return new Response(prepared.stream, { headers: SSE_HEADERS });
      return new Response(pacedStream(prepared.events, paceMs), { headers: SSE_HEADERS });
    },
  });
  const port = server.port ?? 0;
  return {
    url: `http://${server.hostname}:${port}`,
    port,
    get pending() {
      return server.pendingRequests;
    },
    stop: () => server.stop(true),
  };
}

function pacedStream(events: readonly Uint8Array[], paceMs: number): ReadableStream<Uint8Array> {
  let timer: ReturnType<typeof setInterval>;
  let next = 0;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const send = () => {
        const event = events[next++];
        if (event !== undefined) controller.enqueue(event);
        if (next < events.length) return;
        clearInterval(timer);
        controller.close();
      };
      timer = setInterval(send, paceMs);
      send();
    },
    cancel: () => clearInterval(timer),
  });
}

function prepare(dialect: DialectId, options: BenchUpstreamOptions): Prepared {
  const { jsonBytes = 1000, chunks = 100, chunkBytes = 256 } = options;
  const whole = (text: string) => bodyOfPlan(render(dialect, [text], false));
  const envelope = whole('').length;
  // The overhead of one content event: what a second one adds beside its text.
  const one = bodyOfPlan(render(dialect, ['x'], true)).length;
  const event = bodyOfPlan(render(dialect, ['x', 'x'], true)).length - one - 1;
  const text = 'x'.repeat(Math.max(1, chunkBytes - event));
  const events = render(dialect, Array<string>(chunks).fill(text), true).steps.map((step) => step.bytes);
  return { json: whole('x'.repeat(Math.max(0, jsonBytes - envelope))), events, stream: joinBytes(events) };
}

function render(dialect: DialectId, text: string[], stream: boolean): WirePlan {
  const body: JsonObject = { model: 'bench', stream };
  const usage = { input: 100, output: text.length };
  return renderTurn({ text, usage, streamUsage: 'always' }, { dialect, body, serial: 1, nowSec: 1767225600 }).plan;
}
