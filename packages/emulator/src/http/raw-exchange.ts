import { connect } from 'node:net';

/** What came over the wire, byte for byte, and how it ended. */
export interface RawExchange {
  /** Everything received, as text of bytes (latin1). */
  text: string;
  head: string;
  /** After the head, HTTP chunking not removed. */
  body: string;
  /** Who ended it, how: FIN, RST, or this side after `patienceMs`. */
  end: 'fin' | 'rst' | 'open';
  /** Pieces as they arrived, in milliseconds after the request was sent. */
  arrivals: { atMs: number; text: string }[];
}

/** Sends `request` on a socket of its own and watches it until the other side ends it or `patienceMs` are over. */
export function rawExchange(port: number, request: string, patienceMs = 300): Promise<RawExchange> {
  return new Promise((resolve) => {
    const arrivals: RawExchange['arrivals'] = [];
    const startedMs = performance.now();
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(request));
    const timer = setTimeout(() => finish('open'), patienceMs);
    function finish(end: RawExchange['end']) {
      clearTimeout(timer);
      socket.destroy();
      const text = arrivals.map((arrival) => arrival.text).join('');
      const headEnd = text.indexOf('\r\n\r\n');
      const [head, body] = headEnd < 0 ? [text, ''] : [text.slice(0, headEnd), text.slice(headEnd + 4)];
      resolve({ text, head, body, end, arrivals });
    }
    socket.on('data', (bytes: Buffer) => {
      arrivals.push({ atMs: performance.now() - startedMs, text: bytes.toString('latin1') });
    });
    socket.on('end', () => finish('fin'));
    socket.on('error', () => finish('rst'));
  });
}

/** The text of a POST with a JSON body. */
export function postText(path: string, body: unknown, headers: Record<string, string> = {}): string {
  const text = JSON.stringify(body);
  const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return [
    `POST ${path} HTTP/1.1\r\nhost: emulator\r\ncontent-type: application/json\r\n`,
    ...more,
    `content-length: ${new TextEncoder().encode(text).length}\r\n\r\n${text}`,
  ].join('');
}

/** The payload of an HTTP-chunked body, and whether its last chunk came. */
export function dechunk(body: string): { payload: string; chunks: string[]; complete: boolean } {
  const chunks: string[] = [];
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(body.slice(at, lineEnd), 16);
    if (size === 0 || Number.isNaN(size)) return { payload: chunks.join(''), chunks, complete: size === 0 };
    chunks.push(body.slice(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
