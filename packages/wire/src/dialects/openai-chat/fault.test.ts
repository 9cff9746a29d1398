import { describe, expect, test } from 'bun:test';
import { Fault } from '../../fault.ts';
import { openaiChat } from './index.ts';

const read = (status: number, body: string, headers: Record<string, string> = {}) =>
  openaiChat.readFault(status, new Headers(headers), new TextEncoder().encode(body));

describe('errors of every shape give a message', () => {
  const shapes: [string, string][] = [
    ['{"error":{"message":"m","type":"t","code":"c","param":"p"}}', 'm'],
    ['{"error":"m"}', 'm'],
    ['{"message":"m","code":5}', 'm'],
    ['{"detail":"m"}', 'm'],
    ['{"detail":[{"loc":["body","n"],"msg":"m"}]}', 'body.n: m'],
    ['[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}]', 'm'],
    ['{"error":{"message":"outer","metadata":{"raw":"inner"}}}', 'outer: inner'],
    ['<html><head><title>502 Bad Gateway</title></head><body>x</body></html>', '502 Bad Gateway'],
    ['upstream connect error', 'upstream connect error'],
  ];
  for (const [body, message] of shapes) {
    test(body, () => {
      const fault = read(502, body);
      expect(fault).toMatchObject({
        message,
        status: 502,
        code: 'upstream_failed',
        upstream: { message, status: 502 },
      });
    });
  }

  test('an empty body says what the catalogue says', () => {
    expect(read(500, '').message).toBe('The provider failed.');
  });

  test('bytes that are no text at all', () => {
    expect(openaiChat.readFault(503, new Headers(), new Uint8Array([0xff, 0xfe, 0])).code).toBe('upstream_overloaded');
  });
});

describe('what stands around an error is kept', () => {
  test('type, code, param, request id and waiting time', () => {
    const body = '{"error":{"message":"m","type":"tokens","code":"rate_limit_exceeded","param":"n"}}';
    const fault = read(429, body, { 'retry-after': '2', 'x-request-id': 'req_1' });
    expect(fault).toMatchObject({
      code: 'upstream_rate_limited',
      retryAfterMs: 2000,
      upstream: { type: 'tokens', code: 'rate_limit_exceeded', param: 'n', requestId: 'req_1' },
    });
    expect(openaiChat.writeFault(fault)).toEqual({
      error: { message: 'm', type: 'tokens', param: 'n', code: 'rate_limit_exceeded' },
    });
    expect(read(429, '{}', { 'retry-after-ms': '150', 'retry-after': '9' }).retryAfterMs).toBe(150);
    expect(read(429, '{}', { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }).retryAfterMs).toBeUndefined();
  });

  test('numbers as codes', () => {
    expect(read(402, '{"error":{"message":"pay","code":402}}').upstream?.code).toBe('402');
  });

  test('an error sent with a good status takes the status it names', () => {
    expect(read(200, '{"error":{"message":"m","code":429}}')).toMatchObject({
      code: 'upstream_rate_limited',
      status: 429,
    });
    expect(read(200, '{"error":{"message":"m","type":"overloaded_error"}}').code).toBe('upstream_overloaded');
  });
});

describe('rendering', () => {
  test('faults of our own', () => {
    expect(openaiChat.writeFault(new Fault('key_unknown'))).toEqual({
      error: { message: 'The API key is not known.', type: 'authentication_error', param: null, code: 'key_unknown' },
    });
    expect(openaiChat.writeFault(new Fault('body_invalid', { message: 'n must be a number.', param: 'n' }))).toEqual({
      error: { message: 'n must be a number.', type: 'invalid_request_error', param: 'n', code: 'body_invalid' },
    });
  });

  test('in a stream: one event, and no [DONE]', () => {
    const text = openaiChat.writeStreamFault(new Fault('upstream_stalled', { message: 'two\nlines' }));
    expect(text).toBe(
      'data: {"error":{"message":"two\\nlines","type":"timeout_error","param":null,"code":"upstream_stalled"}}\n\n',
    );
  });
});
