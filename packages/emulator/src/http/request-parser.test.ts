import { expect, test } from 'bun:test';
import { type RawRequest, RequestParser, RequestSyntaxError } from './request-parser.ts';

const PLAIN =
  'POST /v1/messages?beta=true HTTP/1.1\r\nHost: a\r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED = 'POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;note=x\r\nlo\r\n0\r\n\r\n';
const BARE = 'GET /v1/models HTTP/1.0\r\n\r\n';

function parse(text: string, pieceBytes: number, onExpect = () => {}): RawRequest[] {
  const parser = new RequestParser(onExpect);
  const bytes = Buffer.from(text);
  const found: RawRequest[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) found.push(...parser.push(bytes.subarray(at, at + pieceBytes)));
  return found;
}

test.each([1, 2, 7, 10_000])('several requests in pieces of %d bytes', (pieceBytes) => {
  const found = parse(PLAIN + CHUNKED + BARE, pieceBytes);
  expect(found.map((request) => [request.method, request.target, request.version])).toEqual([
    ['POST', '/v1/messages?beta=true', '1.1'],
    ['POST', '/c', '1.1'],
    ['GET', '/v1/models', '1.0'],
  ]);
  expect(found.map((request) => new TextDecoder().decode(request.body))).toEqual(['hello', 'hello', '']);
  expect(found[0]?.headers).toEqual([
    ['Host', 'a'],
    ['X-Two', '1'],
    ['x-two', '2'],
    ['Content-Length', '5'],
  ]);
});

test('an incomplete request gives nothing yet', () => {
  expect(parse(PLAIN.slice(0, -1), 1000)).toEqual([]);
  expect(parse(CHUNKED.slice(0, -1), 1000)).toEqual([]);
});

test('a client that waits for 100 Continue is told to go on before its body comes', () => {
  let asked = 0;
  parse('POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n', 1000, () => asked++);
  expect(asked).toBe(1);
});

test.each([
  ['no request line', 'hello\r\n\r\n'],
  ['a header without a name', 'GET / HTTP/1.1\r\n: x\r\n\r\n'],
  ['a length that is no number', 'GET / HTTP/1.1\r\ncontent-length: two\r\n\r\n'],
  ['a chunk without a size', 'POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'],
])('refuses %s', (_what, text) => {
  expect(() => parse(text, 1000)).toThrow(RequestSyntaxError);
});
