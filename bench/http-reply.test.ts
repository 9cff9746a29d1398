import { expect, test } from 'bun:test';
import { ReplyReader } from './http-reply.ts';
import { RequestReader } from './http-request.ts';

const FIXED = 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-Other: a\r\n\r\nhello world';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
  '9\r\ndata: a\n\n\r\nA;ext=1\r\ndata: bb\n\n\r\n0\r\nx-trailer: 1\r\n\r\n';

function readInPieces(text: string, pieceBytes: number): { reader: ReplyReader; body: string; completions: number } {
  let body = '';
  let completions = 0;
  const reader = new ReplyReader({ onBody: (bytes) => (body += bytes.toString()) });
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    if (reader.push(bytes.subarray(at, at + pieceBytes))) completions += 1;
  }
  return { reader, body, completions };
}

test('replies are the same whatever the pieces they come in', () => {
  for (let size = 1; size <= CHUNKED.length; size += 1) {
    const fixed = readInPieces(FIXED, size);
    expect(fixed.body).toBe('hello world');
    expect(fixed.completions).toBe(1);
    expect(fixed.reader.reply).toMatchObject({ status: 200, bodyBytes: 11 });
    const chunked = readInPieces(CHUNKED, size);
    expect(chunked.body).toBe('data: a\n\ndata: bb\n\n');
    expect(chunked.completions).toBe(1);
    expect(chunked.reader.reply.bodyBytes).toBe(19);
  }
});

test('the next reply on a connection starts afresh', () => {
  const reader = new ReplyReader();
  expect(reader.push(Buffer.from(FIXED))).toBe(true);
  expect(reader.tail.endsWith('world')).toBe(true);
  expect(reader.push(Buffer.from('HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'))).toBe(true);
  expect(reader.reply).toEqual({ status: 503, bodyBytes: 0, dataEvents: 0, isKeptAlive: false });
  expect(reader.tail.endsWith('world')).toBe(false);
});

test('the end of a long body is kept, however it was cut', () => {
  for (const size of [1, 7, 95, 96, 97, 500]) {
    const body = `${'x'.repeat(400)}the very end`;
    const { reader } = readInPieces(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, size);
    expect(reader.tail.text).toBe(body.slice(-96));
  }
});

test('events are counted', () => {
  let told = 0;
  const reader = new ReplyReader({ onEvents: (count) => (told += count) });
  reader.push(Buffer.from(CHUNKED));
  expect([reader.reply.dataEvents, told]).toEqual([2, 2]);
});

test('what is no proper reply is refused', () => {
  const pushing = (text: string) => () => new ReplyReader().push(Buffer.from(text));
  expect(pushing('SSH-2.0-x\r\n\r\n')).toThrow('not an HTTP/1.1 reply');
  expect(pushing('HTTP/1.1 200 OK\r\n\r\n')).toThrow('without Content-Length');
  expect(pushing(`${FIXED}extra`)).toThrow('follow the end');
  expect(pushing('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')).toThrow('not a chunk size');
  expect(pushing('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n')).toThrow('does not end where');
});

test('the upstream sees each request once, with either framing and any pieces', () => {
  const requests =
    'POST /json/v1/messages HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}' +
    'POST /burst-3/v1/messages HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n' +
    'GET /json/v1/models HTTP/1.1\r\n\r\n';
  for (let size = 1; size <= requests.length; size += 1) {
    const paths: string[] = [];
    const reader = new RequestReader((path) => paths.push(path));
    for (let at = 0; at < requests.length; at += size) reader.push(Buffer.from(requests.slice(at, at + size)));
    expect(paths).toEqual(['/json/v1/messages', '/burst-3/v1/messages', '/json/v1/models']);
  }
});
