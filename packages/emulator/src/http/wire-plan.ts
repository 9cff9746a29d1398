/**
 * An answer as it goes over the wire, decided in full before the first byte is sent. Faults are edits of a plan, so
 * every way of misbehaving is data that a test can look at, and one player ({@link import('./play-plan.ts')}) sends all.
 */
export interface WirePlan {
  status: number;
  /** In the order and spelling they are sent. `content-length`, `transfer-encoding` and `date` are added by the player. */
  headers: [name: string, value: string][];
  /** `length`: a `content-length`; `chunked`: one HTTP chunk per step; `none`: neither, the body ends with the connection. */
  framing: 'length' | 'chunked' | 'none';
  /** With `length`: what to claim instead of the true length. */
  declaredLength?: number;
  /** Wait before the status line, in milliseconds. */
  headDelayMs?: number;
  /** Send no status line at all: go straight to `end`. */
  silent?: boolean;
  steps: Step[];
  end: PlanEnd;
}

/**
 * How the answer ends. `clean`: as HTTP demands, the connection stays usable. `close`: FIN with no last chunk.
 * `reset`: RST. `hang`: nothing more is sent and the connection stays open until the client or the emulator closes it.
 */
export type PlanEnd = 'clean' | 'close' | 'reset' | 'hang';

/** One write. In a stream built by a renderer, one step is one SSE event. */
export interface Step {
  bytes: Uint8Array;
  /** Wait before the write, in milliseconds. */
  waitMs?: number;
}

const encoder = new TextEncoder();

export function textStep(text: string, waitMs?: number): Step {
  return { bytes: encoder.encode(text), waitMs };
}

/** A plan for a whole JSON body. */
export function jsonPlan(status: number, body: unknown, headers: [string, string][] = []): WirePlan {
  return {
    status,
    headers: [['content-type', 'application/json'], ...headers],
    framing: 'length',
    steps: [textStep(JSON.stringify(body))],
    end: 'clean',
  };
}

/** A plan for a `text/event-stream`, one step per event. */
export function ssePlan(events: string[], headers: [string, string][] = []): WirePlan {
  return {
    status: 200,
    headers: [['content-type', 'text/event-stream; charset=utf-8'], ['cache-control', 'no-cache'], ...headers],
    framing: 'chunked',
    steps: events.map((event) => textStep(event)),
    end: 'clean',
  };
}

export function isEventStream(plan: WirePlan): boolean {
  return plan.headers.some(([name, value]) => name.toLowerCase() === 'content-type' && value.includes('event-stream'));
}

/** All bytes the plan would send as body, joined. */
export function bodyOfPlan(plan: WirePlan): Uint8Array {
  return joinBytes(plan.steps.map((step) => step.bytes));
}

export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
