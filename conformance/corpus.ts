import { describe, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { parseJsonBytes } from '@turnpike/wire/json/parse.ts';
import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';

/**
 * Recorded traffic: `<root>/corpus/<provider>/<case>/{meta.json, request.json, response.json|.sse}`. It is no part of
 * the project. Expectations are rules that hold for any case, so that other recordings may stand in the same place.
 */
export interface Recording {
  /** `<provider>/<case>`, for messages and reports. Never a reason to behave otherwise. */
  readonly id: string;
  readonly dialect: DialectId;
  readonly meta: RecordingMeta;
  readonly isStream: boolean;
  /** The body as sent, with numbers kept exact. Undefined when the source did not record it, or it was no JSON object. */
  readonly request: JsonObject | undefined;
  /** The answer's bytes. Undefined when none was recorded. */
  readonly response: Uint8Array | undefined;
}

/** Only what the suites read; the rest of the file is ignored. */
export interface RecordingMeta {
  provider: string;
  api: string;
  model: string;
  path: string;
  status: number;
  responseHeaders: Record<string, string>;
  features: readonly string[];
  /** How near the bytes are to the wire: `raw`, `normalised`, `json-reserialised`, `reconstructed-framing`, … */
  fidelity: string;
  /** One conversation, in order of `interaction`. */
  group: string;
  interaction: number;
  /** The same request said in several dialects carries the same name here. */
  crossProviderCase: string | undefined;
  /** Network chunk boundaries of the stream, in bytes, where they were recorded. */
  chunkSizes: readonly number[] | undefined;
}

const DIALECT_OF_API: Readonly<Record<string, DialectId>> = {
  'openai.chat': 'openai-chat',
  'anthropic.messages': 'anthropic-messages',
};

/** Where recordings, specifications and recorded client requests lie. */
export const sharedRoot = process.env.TURNPIKE_SHARED ?? resolve(import.meta.dir, '../../shared');

/**
 * Declares a suite that needs something below {@link sharedRoot}. When it is absent, the suite is left out and a line
 * says so; with `CI` set that is a failure, since a green run must not hide what did not run.
 */
export function describeShared(title: string, needed: string, body: (path: string) => void): void {
  const path = join(sharedRoot, needed);
  if (existsSync(path)) {
    describe(title, () => body(path));
    return;
  }
  if (process.env.CI) {
    test(`${title}: needs ${needed}`, () => {
      throw new Error(`TURNPIKE_SHARED has no ${needed}, and CI must not leave "${title}" out.`);
    });
    return;
  }
  console.log(`left out: "${title}" needs ${needed} below TURNPIKE_SHARED, which is not here`);
  test.skip(`${title}: ${needed} is not here`, () => {});
}

/** As {@link describeShared}, with all recordings of the two dialects. */
export function describeCorpus(title: string, body: (corpus: readonly Recording[]) => void): void {
  describeShared(title, 'corpus', (path) => body(loadCorpus(path)));
}

let loaded: readonly Recording[] | undefined;

/** All recordings of the dialects known here, sorted by id. Bodies are read when first asked for. */
export function loadCorpus(root = join(sharedRoot, 'corpus')): readonly Recording[] {
  loaded ??= [...findCases(root)].sort((a, b) => (a.id < b.id ? -1 : 1));
  return loaded;
}

function* findCases(root: string): Generator<Recording> {
  for (const provider of folders(root)) {
    for (const name of folders(join(root, provider))) {
      const folder = join(root, provider, name);
      const recording = existsSync(join(folder, 'meta.json')) ? openCase(`${provider}/${name}`, folder) : undefined;
      if (recording) yield recording;
    }
  }
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function openCase(id: string, folder: string): Recording | undefined {
  const raw: RawMeta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8'));
  const dialect = DIALECT_OF_API[raw.api];
  if (dialect === undefined) return undefined;
  const streamFile = join(folder, 'response.sse');
  const isStream = existsSync(streamFile);
  const requestFile = join(folder, 'request.json');
  const responseFile = isStream ? streamFile : join(folder, 'response.json');
  return {
    id,
    dialect,
    meta: readMeta(raw),
    isStream,
    get request() {
      if (!existsSync(requestFile)) return undefined;
      const value = jsonOf(readFileSync(requestFile));
      // Without messages (a stored prompt by name, …) it is another operation on the same path.
      return isObject(value) && Array.isArray(value.messages) ? value : undefined;
    },
    get response() {
      return existsSync(responseFile) ? new Uint8Array(readFileSync(responseFile)) : undefined;
    },
  };
}

/** Undefined for what is no JSON: error pages, or requests recorded as the nonsense they were. */
export function jsonOf(bytes: Uint8Array): Json | undefined {
  try {
    return parseJsonBytes(bytes);
  } catch {
    return undefined; // That reading it gives a fault is checked where errors are.
  }
}

interface RawMeta {
  provider: string;
  api: string;
  model?: string | null;
  path: string;
  status: number;
  response_headers?: Record<string, string>;
  features?: string[];
  fidelity?: string;
  group?: string;
  interaction?: number;
  cross_provider_case?: string;
  chunk_sizes?: number[];
}

function readMeta(raw: RawMeta): RecordingMeta {
  return {
    provider: raw.provider,
    api: raw.api,
    model: raw.model ?? '',
    path: raw.path,
    status: raw.status,
    responseHeaders: raw.response_headers ?? {},
    features: raw.features ?? [],
    fidelity: raw.fidelity ?? 'unknown',
    group: raw.group ?? '',
    interaction: raw.interaction ?? 0,
    crossProviderCase: raw.cross_provider_case,
    chunkSizes: raw.chunk_sizes,
  };
}

/** Recordings that stand for one thing, by `key`; those without a key are left out. Members in order of interaction. */
export function groupRecordings(
  corpus: readonly Recording[],
  key: (recording: Recording) => string | undefined,
): Map<string, Recording[]> {
  const groups = new Map<string, Recording[]>();
  for (const recording of corpus) {
    const name = key(recording);
    if (name === undefined || name === '') continue;
    groups.set(name, [...(groups.get(name) ?? []), recording]);
  }
  for (const members of groups.values()) members.sort((a, b) => a.meta.interaction - b.meta.interaction);
  return groups;
}

/** A request as a real client sent it, headers included. */
export interface ClientRequest {
  /** `<client>/<case>#<number>`. */
  id: string;
  dialect: DialectId;
  /** Path and query as sent. */
  target: string;
  headers: Record<string, string>;
  body: JsonObject;
}

/** Generation requests in the two dialects, as recorded from real clients: `<root>/<client>/<case>.json`. */
export function loadClientRequests(root: string): ClientRequest[] {
  return folders(root).flatMap((client) =>
    readdirSync(join(root, client))
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => {
        const recorded = parseJsonBytes(readFileSync(join(root, client, file)));
        const requests = isObject(recorded) && Array.isArray(recorded.requests) ? recorded.requests : [];
        return requests.flatMap((request, at) => clientRequest(`${client}/${file}#${at}`, request));
      }),
  );
}

function clientRequest(id: string, request: Json): ClientRequest[] {
  if (!isObject(request) || !isObject(request.body) || request.method !== 'POST') return [];
  const target = String(request.path);
  const path = target.replace(/\?.*$/, '');
  const dialect = path.endsWith('/v1/chat/completions')
    ? 'openai-chat'
    : path.endsWith('/v1/messages')
      ? 'anthropic-messages'
      : undefined;
  if (dialect === undefined || !Array.isArray(request.body.messages)) return [];
  const headers = isObject(request.headers) ? request.headers : {};
  const texts = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  return [{ id, dialect, target, headers: Object.fromEntries(texts), body: request.body }];
}
