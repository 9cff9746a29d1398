import { Caller, type Expectation } from './generator.ts';
import { type BenchDialect, END_MARKER, PIECE, REPLY_TEXT } from './payloads.ts';

/** What a request is expected to bring back, in terms of content. */
export interface ProbeGoal {
  readonly dialect: BenchDialect;
  /** Pieces of text in the stream; undefined for a reply that is not streamed. */
  readonly pieces: number | undefined;
}

const TIMEOUT_MS = 20_000;

/**
 * Sends one request, reads the reply in full and compares its text with what the upstream said. Returns what later
 * replies are checked against. Throws with the beginning of the body when it is something else.
 */
export async function probe(port: number, request: Buffer, goal: ProbeGoal): Promise<Expectation> {
  const body = await fetchWhole(port, request);
  const text = goal.pieces === undefined ? textOfReply(goal.dialect, body) : textOfStream(body);
  const wanted = goal.pieces === undefined ? REPLY_TEXT : PIECE.repeat(goal.pieces);
  if (text !== wanted) throw new Error(`the reply says something else: ${body.slice(0, 300)}`);
  const endMark = goal.pieces === undefined ? '}' : END_MARKER[goal.dialect];
  if (!body.trimEnd().endsWith(endMark)) throw new Error(`the reply does not end properly: ${body.slice(-200)}`);
  return { status: 200, bodyBytes: Buffer.byteLength(body), dataEventsMin: undefined, endMark };
}

async function fetchWhole(port: number, request: Buffer): Promise<string> {
  const done = Promise.withResolvers<void>();
  const pieces: Buffer[] = [];
  const timer = setTimeout(() => done.reject(new Error(`no complete reply in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
  const caller = await Caller.open({
    port,
    request,
    expectation: { status: 200, bodyBytes: undefined, dataEventsMin: undefined, endMark: '' },
    onBody: (bytes) => pieces.push(Buffer.from(bytes)),
    onReply: () => done.resolve(),
    onFailure: (reason) => done.reject(new Error(`${reason}: ${Buffer.concat(pieces).toString().slice(0, 300)}`)),
  });
  caller.call();
  try {
    await done.promise;
  } finally {
    clearTimeout(timer);
    caller.close();
  }
  return Buffer.concat(pieces).toString();
}

function textOfReply(dialect: BenchDialect, body: string): unknown {
  const reply: unknown = JSON.parse(body);
  if (dialect === 'anthropic-messages') return dig(reply, 'content', 0, 'text');
  return dig(reply, 'choices', 0, 'message', 'content');
}

/** The text of all deltas of a stream, in either dialect. */
function textOfStream(body: string): string {
  let text = '';
  for (const line of body.split('\n')) {
    if (!line.startsWith('data: {')) continue;
    const event: unknown = JSON.parse(line.slice(6));
    const piece = dig(event, 'choices', 0, 'delta', 'content') ?? dig(event, 'delta', 'text');
    if (typeof piece === 'string') text += piece;
  }
  return text;
}

function dig(value: unknown, ...path: (string | number)[]): unknown {
  let at: unknown = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = Reflect.get(at, step);
  }
  return at;
}
