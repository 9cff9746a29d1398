import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { ADMIN_KEY, startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await startTestHouse({ server: { bodyBytesMax: 64 * 1024 } });
});
afterAll(() => house.stop());

const faces = [
  ['/v1/chat/completions', (body: ErrorBody) => body.error],
  ['/v1/messages', (body: ErrorBody) => (body.type === 'error' ? body.error : undefined)],
] as const;

interface ErrorBody {
  type?: string;
  error?: { message?: string; type?: string; param?: string | null; code?: string | null };
}

const good = { model: 'chat', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] };
const goodJson = JSON.stringify(good);

const wrong: [what: string, body: string, status: number, says: RegExp][] = [
  ['nothing', '', 400, /empty/i],
  ['no JSON', 'hello', 400, /JSON/],
  ['half of it', goodJson.slice(0, -5), 400, /JSON|end/i],
  ['something behind it', `${goodJson}x`, 400, /JSON|after/i],
  ['a list', '[1,2]', 400, /object/i],
  ['a trailing comma', '{"model":"chat",}', 400, /JSON|key/i],
  ['the model twice', `{"model":"chat","model":"claude","messages":[]}`, 400, /model/],
  ['a key twice, once escaped', `{"model":"chat","\\u006dodel":"claude","messages":[]}`, 400, /model/],
  [
    'a key twice deep inside',
    `{"model":"chat","messages":[{"role":"user","role":"system","content":"x"}]}`,
    400,
    /role/,
  ],
  ['10,000 levels', `{"model":"chat","messages":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 400, /deep|nest/i],
  ['too much', `{"model":"chat","messages":[],"x":"${'a'.repeat(70_000)}"}`, 413, /bytes/],
  ['invalid UTF-8 is tested apart; a lone control character', '{"model":"ch\u0001at"}', 400, /JSON|control/i],
  ['no model', '{"messages":[]}', 400, /model/],
  ['a model that is a number', '{"model":7,"messages":[]}', 400, /model/],
  ['an empty model', '{"model":"","messages":[]}', 400, /model/],
  ['a stream that is a word', '{"model":"chat","stream":"yes","messages":[]}', 400, /stream/],
  ['an unknown model near a known one', '{"model":"chatt","messages":[]}', 404, /"chat"/],
  ['an unknown model', '{"model":"zzzzzzzzzzzzzzzz","messages":[]}', 404, /zzzz/],
];

for (const [path, errorOf] of faces) {
  describe(path, () => {
    test.each(wrong)('%s', async (_what, body, status, says) => {
      const response = await house.post(path, body);
      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toContain('application/json');
      expect(response.headers.get('x-turnpike-exchange-id')).toMatch(/^tp_[0-9a-z]{26}$/);
      const error = errorOf((await response.json()) as ErrorBody);
      expect(error?.message).toMatch(says);
      expect(error?.type).toBeString();
    });

    test('wrong types inside are named when the request has to be translated', async () => {
      const model = path === '/v1/messages' ? 'chat' : 'claude';
      for (const messages of ['hello', 7, [{ role: 'user', content: 7 }], [7]]) {
        const response = await house.post(path, { ...good, model, messages });
        expect(response.status).toBe(400);
        expect(errorOf((await response.json()) as ErrorBody)?.message).toContain('messages');
      }
    });

    test('invalid UTF-8', async () => {
      const bytes = Buffer.from(goodJson.replace('Hi', 'H\u00ffi'), 'latin1');
      const response = await fetch(house.gateway.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_KEY}` },
        body: bytes,
      });
      expect(response.status).toBe(400);
      expect(errorOf((await response.json()) as ErrorBody)?.message).toMatch(/UTF-8/);
    });

    test('a body of unknown length that grows too large', async () => {
      const stream = new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(16_384).fill(0x20));
          await Bun.sleep(1);
        },
      });
      const response = await fetch(house.gateway.url + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_KEY}` },
        body: stream,
      });
      expect(response.status).toBe(413);
      expect(errorOf((await response.json()) as ErrorBody)?.message).toMatch(/bytes/);
    });

    test('no key, a wrong key', async () => {
      const wrongKeys: Record<string, string>[] = [
        {},
        { authorization: 'Bearer sk-nobody-0123456789' },
        { 'x-api-key': 'sk-nobody-0123456789' },
      ];
      for (const headers of wrongKeys) {
        const response = await fetch(house.gateway.url + path, { method: 'POST', headers, body: goodJson });
        expect(response.status).toBe(401);
        const text = await response.text();
        expect(errorOf(JSON.parse(text))?.type).toBeString();
        expect(text).not.toContain('sk-nobody-0123456789');
      }
    });
  });
}

describe('hostile HTTP', () => {
  const head = (lines: string[]) =>
    `${['POST /v1/chat/completions HTTP/1.1', 'host: x', ...lines].join('\r\n')}\r\n\r\n`;
  test.each([
    ['content-length and chunked', head(['content-length: 5', 'transfer-encoding: chunked'])],
    ['two content-lengths', head(['content-length: 5', 'content-length: 6'])],
    ['a negative length', head(['content-length: -1'])],
    ['no host', 'POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 0\r\n\r\n'],
    ['a space before the colon', head(['content-length : 5'])],
    ['noise', '\u0016\u0003\u0001 nonsense\r\n\r\n'],
  ])('%s is refused', async (_what, text) => {
    const answer = await raw(text);
    expect(answer === '' || /^HTTP\/1\.1 4\d\d/.test(answer)).toBe(true);
  });
});

test('after all this the gateway still serves', async () => {
  house.emulator.script([{ text: 'still here' }]);
  const response = await house.post('/v1/chat/completions', good);
  expect(response.status).toBe(200);
  expect(house.gateway.activeCount).toBe(0);
});

/** Sends bytes as they are and gives back what comes until the server closes, or half a second passes. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(house.gateway.port, '127.0.0.1', () => socket.write(text, 'latin1'));
    const timer = setTimeout(() => socket.destroy(), 500);
    socket.on('data', (data) => {
      answer += data.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
