import type { Socket } from 'bun';
import { RequestReader } from './http-request.ts';
import { type BenchDialect, replyBody, type StreamScript, streamScript } from './payloads.ts';

/**
 * The stand-in provider of the bench: fixed replies over plain sockets, so that it costs little beside a gateway. The
 * first segment of the path says what to answer, the rest names the dialect:
 * `/json/…`, `/burst-PIECES/…` (the whole stream at once), `/paced-INTERVALMS-PIECES/…` (one piece per interval).
 * Every stream event is one HTTP chunk, as real providers send them. Run: `bun bench/upstream.ts --port N`.
 */
interface PacedStream {
  socket: Socket<Connection>;
  piece: Buffer;
  closing: Buffer;
  piecesLeft: number;
  intervalMs: number;
  dueMs: number;
}

interface Connection {
  reader: RequestReader;
  unsent: Buffer | undefined;
  paced: PacedStream | undefined;
}

const JSON_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_bench\r\nContent-Length: ';
const SSE_HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n' +
  'x-request-id: req_bench\r\nTransfer-Encoding: chunked\r\n\r\n';
const LAST_CHUNK = '0\r\n\r\n';
const TICK_MS = 1;

/** The bytes of a paced stream, made once. */
interface ScriptBytes {
  readonly first: Buffer;
  readonly piece: Buffer;
  readonly closing: Buffer;
}

const SCRIPTS: Readonly<Record<BenchDialect, ScriptBytes>> = {
  'openai-chat': scriptBytes(streamScript('openai-chat')),
  'anthropic-messages': scriptBytes(streamScript('anthropic-messages')),
};

const answers = new Map<string, Buffer>();
const paced = new Set<PacedStream>();

function answer(socket: Socket<Connection>, path: string): void {
  const [, kind = ''] = path.split('/', 2);
  const dialect: BenchDialect = path.endsWith('/messages') ? 'anthropic-messages' : 'openai-chat';
  const [form = '', first = '0', second = '0'] = kind.split('-');
  if (form === 'paced') {
    startPaced(socket, SCRIPTS[dialect], Number(first), Number(second));
    return;
  }
  const key = `${kind} ${dialect}`;
  const known = answers.get(key) ?? wholeAnswer(form, dialect, Number(first));
  answers.set(key, known);
  send(socket, known);
}

function wholeAnswer(form: string, dialect: BenchDialect, pieces: number): Buffer {
  if (form === 'json') {
    const body = Buffer.from(replyBody(dialect));
    return Buffer.concat([Buffer.from(`${JSON_HEAD}${body.length}\r\n\r\n`), body]);
  }
  if (form === 'burst') {
    const { opening, piece, closing } = streamScript(dialect);
    return Buffer.from(SSE_HEAD + chunked(opening) + chunked(piece).repeat(pieces) + chunked(closing) + LAST_CHUNK);
  }
  return Buffer.from('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
}

/** Frames SSE text, one HTTP chunk per event. */
function chunked(events: string): string {
  return events
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => `${(Buffer.byteLength(event) + 2).toString(16)}\r\n${event}\n\n\r\n`)
    .join('');
}

function scriptBytes({ opening, piece, closing }: StreamScript): ScriptBytes {
  return {
    first: Buffer.from(SSE_HEAD + chunked(opening) + chunked(piece)),
    piece: Buffer.from(chunked(piece)),
    closing: Buffer.from(chunked(closing) + LAST_CHUNK),
  };
}

function startPaced(socket: Socket<Connection>, script: ScriptBytes, intervalMs: number, pieces: number): void {
  const stream: PacedStream = {
    socket,
    piece: script.piece,
    closing: script.closing,
    piecesLeft: pieces - 1,
    intervalMs,
    dueMs: performance.now() + intervalMs,
  };
  socket.data.paced = stream;
  paced.add(stream);
  send(socket, script.first);
}

function sendDue(): void {
  const nowMs = performance.now();
  for (const stream of paced) {
    if (stream.dueMs > nowMs) continue;
    stream.dueMs += stream.intervalMs;
    if (stream.piecesLeft > 0) {
      stream.piecesLeft -= 1;
      send(stream.socket, stream.piece);
      continue;
    }
    endPaced(stream.socket);
    send(stream.socket, stream.closing);
  }
}

function endPaced(socket: Socket<Connection>): void {
  if (socket.data.paced !== undefined) paced.delete(socket.data.paced);
  socket.data.paced = undefined;
}

function send(socket: Socket<Connection>, bytes: Buffer): void {
  const { data } = socket;
  if (data.unsent !== undefined) {
    data.unsent = Buffer.concat([data.unsent, bytes]);
    return;
  }
  const sent = Math.max(0, socket.write(bytes));
  if (sent < bytes.length) data.unsent = bytes.subarray(sent);
}

function sendRest(socket: Socket<Connection>): void {
  const rest = socket.data.unsent;
  socket.data.unsent = undefined;
  if (rest !== undefined) send(socket, rest);
}

const port = Number(Bun.argv[Bun.argv.indexOf('--port') + 1]);
Bun.listen<Connection>({
  hostname: '127.0.0.1',
  port,
  socket: {
    open: (socket) => {
      socket.data = { reader: new RequestReader((path) => answer(socket, path)), unsent: undefined, paced: undefined };
      socket.setNoDelay(true);
    },
    data: (socket, bytes) => socket.data.reader.push(bytes),
    drain: sendRest,
    close: endPaced,
    error: (socket, error) => {
      console.error(`upstream: ${error.message}`);
      endPaced(socket);
    },
  },
});
setInterval(sendDue, TICK_MS);
console.log(`upstream listening on ${port}`);
