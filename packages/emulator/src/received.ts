import type { Json, JsonObject } from '@turnpike/wire/json/value.ts';
import { isObject } from '@turnpike/wire/json/value.ts';
import type { RawRequest } from './http/request-parser.ts';
import { pathOf, type Route, routeOf } from './route.ts';

/** One request as the emulator saw it, and how its exchange went. Times are Unix milliseconds. */
export interface ReceivedRequest {
  /** Counts from 1 since the start or the last reset. */
  id: number;
  atMs: number;
  method: string;
  /** Without the query. */
  path: string;
  /** Path and query as sent. */
  target: string;
  /** Names in lower case; repeated ones joined by a comma. */
  headers: ReadonlyMap<string, string>;
  /** As sent, in order. */
  rawHeaders: [name: string, value: string][];
  body: Uint8Array;
  /** Undefined when the body is empty or no JSON. */
  json: Json | undefined;
  route: Route;
  /** Whether a stream was asked for. */
  stream: boolean;
  /** Did the client close before the answer was over? */
  aborted: boolean;
  /** When the client was seen to close early. */
  closedAtMs: number | undefined;
  /** When the answer was over, however it ended. */
  overAtMs: number | undefined;
}

export function receive(raw: RawRequest, id: number): ReceivedRequest {
  const headers = new Map<string, string>();
  for (const [name, value] of raw.headers) {
    const lower = name.toLowerCase();
    const held = headers.get(lower);
    headers.set(lower, held === undefined ? value : `${held}, ${value}`);
  }
  const json = parseBody(raw.body);
  return {
    id,
    atMs: Date.now(),
    method: raw.method,
    path: pathOf(raw.target),
    target: raw.target,
    headers,
    rawHeaders: raw.headers,
    body: raw.body,
    json,
    route: routeOf(raw.target, headers),
    stream: isObject(json) && json.stream === true,
    aborted: false,
    closedAtMs: undefined,
    overAtMs: undefined,
  };
}

function parseBody(body: Uint8Array): Json | undefined {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined; // The bytes are kept: a test that cares sees them there.
  }
}

/** The body as an object; empty when it is none. */
export function bodyObject(request: ReceivedRequest): JsonObject {
  return isObject(request.json) ? request.json : {};
}

/** The key sent, in either dialect's way. */
export function keyOf(request: ReceivedRequest): string | undefined {
  const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.get('authorization') ?? '');
  return bearer?.[1] ?? request.headers.get('x-api-key') ?? request.headers.get('api-key');
}
