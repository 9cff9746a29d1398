import { describe, expect, test } from 'bun:test';
import { Fault, type FaultCode } from '../../fault.ts';
import { anthropicMessages } from './index.ts';

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}

describe('errors of a provider', () => {
  const cases: [number, string, FaultCode][] = [
    [400, 'invalid_request_error', 'upstream_rejected'],
    [401, 'authentication_error', 'upstream_unauthorized'],
    [402, 'billing_error', 'upstream_forbidden'],
    [403, 'permission_error', 'upstream_forbidden'],
    [404, 'not_found_error', 'upstream_not_found'],
    [413, 'request_too_large', 'upstream_rejected'],
    [429, 'rate_limit_error', 'upstream_rate_limited'],
    [500, 'api_error', 'upstream_failed'],
    [504, 'timeout_error', 'upstream_timeout'],
    [529, 'overloaded_error', 'upstream_overloaded'],
  ];
  for (const [status, type, code] of cases) {
    test(`${status} ${type} is understood and comes back`, () => {
      const body = { type: 'error', error: { type, message: 'Because.' }, request_id: 'req_1' };
      const fault = anthropicMessages.readFault(status, new Headers({ 'retry-after': '2' }), bytes(body));
      expect(fault).toMatchObject({ code, status, message: 'Because.', retryAfterMs: 2000 });
      expect(fault.upstream).toMatchObject({ status, type, message: 'Because.', requestId: 'req_1' });
      expect(anthropicMessages.writeFault(fault)).toEqual(body);
    });
  }

  test('the field at fault is told', () => {
    const error = { type: 'invalid_request_error', message: 'messages.0.content: Field required' };
    const fault = anthropicMessages.readFault(400, new Headers(), bytes({ type: 'error', error }));
    expect(fault.upstream?.param).toBe('messages.0.content');
  });

  test('other shapes: a cloud, plain words, a page, nothing', () => {
    const cloud = [{ error: { code: 429, message: 'Quota exceeded', status: 'RESOURCE_EXHAUSTED' } }];
    const headers = new Headers({ 'request-id': 'req_h', 'retry-after-ms': '1500' });
    expect(anthropicMessages.readFault(429, headers, bytes(cloud))).toMatchObject({
      code: 'upstream_rate_limited',
      message: 'Quota exceeded',
      retryAfterMs: 1500,
      upstream: { requestId: 'req_h', type: 'RESOURCE_EXHAUSTED' },
    });
    expect(anthropicMessages.readFault(503, new Headers(), bytes('upstream connect error')).message).toBe(
      'upstream connect error',
    );
    const page = '<html><style>b{}</style><h1>502 Bad Gateway</h1></html>';
    expect(anthropicMessages.readFault(502, new Headers(), bytes(page)).upstream?.message).toBe('502 Bad Gateway');
    expect(anthropicMessages.readFault(500, new Headers(), bytes('')).code).toBe('upstream_failed');
    expect(anthropicMessages.readFault(400, new Headers(), bytes({ error: 'no' })).message).toBe('no');
  });
});

describe('faults of the gateway', () => {
  const cases: [FaultCode, string][] = [
    ['body_invalid', 'invalid_request_error'],
    ['body_too_large', 'request_too_large'],
    ['key_unknown', 'authentication_error'],
    ['model_forbidden', 'permission_error'],
    ['model_unknown', 'not_found_error'],
    ['upstream_stalled', 'timeout_error'],
    ['upstream_cut_short', 'api_error'],
    ['overloaded', 'overloaded_error'],
    ['internal', 'api_error'],
  ];
  for (const [code, type] of cases) {
    test(`${code} is a ${type}`, () => {
      expect(anthropicMessages.writeFault(new Fault(code)).error).toMatchObject({ type });
    });
  }

  test('the field is named, the words of the provider are kept', () => {
    const fault = new Fault('body_invalid', { param: 'messages[0].content', message: 'Wrong.' });
    expect(anthropicMessages.writeFault(fault).error).toMatchObject({ message: 'messages[0].content: Wrong.' });
    const upstream = new Fault('upstream_failed', { upstream: { message: 'boom', requestId: 'r1' } });
    expect(anthropicMessages.writeFault(upstream)).toMatchObject({
      error: { message: expect.stringContaining('boom') },
      request_id: 'r1',
    });
  });
});
