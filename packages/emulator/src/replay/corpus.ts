import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import { pathOf, tailOf } from '../route.ts';
import { canonicalJson } from './canonical-json.ts';

/** One recorded request and its answer. Answer bytes are read when served, not before. */
export interface RecordedCase {
  /** `provider/case`, its folder. */
  name: string;
  provider: string;
  /** Which API was recorded: `openai.chat`, `anthropic.messages`… */
  api: string;
  method: string;
  path: string;
  model: string | undefined;
  status: number;
  stream: boolean;
  responseHeaders: [string, string][];
  /** Network chunk sizes of the stream, when they were recorded. */
  chunkSizes: number[] | undefined;
  /** Absent when the request had no body or it was not recorded. */
  request: Json | undefined;
  requestRecorded: boolean;
  /** Full path of the answer's file. */
  responseFile: string;
}

/** Narrows a corpus down before requests are read. */
export type CaseFilter = (recorded: Pick<RecordedCase, 'name' | 'provider' | 'api' | 'status' | 'stream'>) => boolean;

/** What the wire adds anew, or what no longer holds for the bytes as stored. */
const HOP_HEADERS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'date',
  'keep-alive',
  'transfer-encoding',
]);
const ANSWER_FILES = ['response.json', 'response.sse', 'response.ndjson', 'response.txt'];

/**
 * Reads `<dir>/<provider>/<case>/{meta.json,request.json,response.*}`. Cases without a textual answer are left out.
 * @throws when the folder or a file cannot be read, or a `meta.json` is no JSON.
 */
export async function readCorpus(dir: string, filter: CaseFilter = () => true): Promise<RecordedCase[]> {
  const cases: RecordedCase[] = [];
  for (const provider of await foldersOf(dir)) {
    const folders = await foldersOf(join(dir, provider));
    const read = await Promise.all(folders.map((folder) => readCase(dir, provider, folder, filter)));
    for (const recorded of read) if (recorded !== undefined) cases.push(recorded);
  }
  return cases;
}

async function foldersOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return names.sort();
}

async function readCase(
  dir: string,
  provider: string,
  folder: string,
  filter: CaseFilter,
): Promise<RecordedCase | undefined> {
  const at = join(dir, provider, folder);
  const files = await readdir(at);
  const answer = ANSWER_FILES.find((file) => files.includes(file));
  if (answer === undefined || !files.includes('meta.json')) return undefined;
  const meta = await readJson(join(at, 'meta.json'));
  if (!isObject(meta)) return undefined;
  const status = typeof meta.status === 'number' ? meta.status : 200;
  const recorded = {
    name: `${provider}/${folder}`,
    provider,
    api: String(meta.api),
    status,
    stream: meta.stream === true,
  };
  if (!filter(recorded)) return undefined;
  return {
    ...recorded,
    method: String(meta.method ?? 'POST'),
    path: String(meta.path ?? ''),
    model: typeof meta.model === 'string' ? meta.model : undefined,
    responseHeaders: headersOf(meta.response_headers),
    chunkSizes: Array.isArray(meta.chunk_sizes) ? meta.chunk_sizes.map(Number) : undefined,
    request: files.includes('request.json') ? await readRequest(join(at, 'request.json')) : undefined,
    requestRecorded: meta.request_recorded !== false,
    responseFile: join(at, answer),
  };
}

async function readJson(path: string): Promise<Json> {
  return JSON.parse(await readFile(path, 'utf8'));
}

/** A recorded request need not be JSON: one that was malformed on purpose is matched by nothing, but can be forced. */
async function readRequest(path: string): Promise<Json | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function headersOf(value: Json | undefined): [string, string][] {
  if (!isObject(value)) return [];
  return Object.entries(value)
    .filter(([name]) => !HOP_HEADERS.has(name.toLowerCase()))
    .flatMap(([name, held]) =>
      (Array.isArray(held) ? held : [held]).map((one): [string, string] => [name, String(one)]),
    );
}

/** Finds the case that recorded a request. */
export class CaseIndex {
  readonly #byName = new Map<string, RecordedCase>();
  readonly #byKey = new Map<string, RecordedCase[]>();

  constructor(cases: readonly RecordedCase[]) {
    for (const recorded of cases) {
      this.#byName.set(recorded.name, recorded);
      if (!recorded.requestRecorded && recorded.method !== 'GET') continue;
      for (const key of keysOf(recorded.method, recorded.path, recorded.request)) {
        const held = this.#byKey.get(key);
        if (held) held.push(recorded);
        else this.#byKey.set(key, [recorded]);
      }
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  named(name: string): RecordedCase | undefined {
    return this.#byName.get(name);
  }

  /**
   * The case with the same method, path end and body. Best first: the same JSON; the same but for `model`; the same but
   * for `model` and `stream_options` (a gateway asks for usage on its own). Among equals, the same full path wins, then
   * the first by name.
   */
  match(method: string, target: string, body: Json | undefined): RecordedCase | undefined {
    for (const key of keysOf(method, target, body)) {
      const found = this.#byKey.get(key);
      if (found) return found.find((recorded) => pathOf(recorded.path) === pathOf(target)) ?? found[0];
    }
    return undefined;
  }
}

/** Keys from strict to loose; each says how loose it is, so that only like is compared with like. */
function keysOf(method: string, target: string, body: Json | undefined): string[] {
  const place = `${method} ${tailOf(pathOf(target))}`;
  if (body === undefined) return [`${place} none`];
  const loose = [body, without(body, ['model']), without(body, ['model', 'stream_options'])];
  return loose.map((value, looseness) => `${place} ${looseness} ${canonicalJson(value)}`);
}

function without(body: Json, names: string[]): Json {
  if (!isObject(body)) return body;
  const rest: JsonObject = { ...body };
  for (const name of names) delete rest[name];
  return rest;
}
