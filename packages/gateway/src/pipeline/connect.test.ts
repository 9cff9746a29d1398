import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type Blackhole, openBlackhole } from '@turnpike/emulator/faults/unreachable.ts';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

const CONNECT_MS = 400;
const FIRST_BYTE_MS = 1_500;

/** Only Linux has a portable enough way to listen without ever accepting. */
describe.skipIf(process.platform !== 'linux')('the connect deadline', () => {
  let hole: Blackhole;
  let house: TestHouse;
  beforeAll(async () => {
    hole = openBlackhole();
    const endpoint = { provider: 'openai', model: 'm', apiKey: 'sk-up-0123456789' };
    house = await startTestHouse({
      yaml: JSON.stringify({
        defaults: {
          deadlines: { connectMs: CONNECT_MS, firstByteMs: FIRST_BYTE_MS, betweenChunksMs: 500, totalMs: 5_000 },
          retries: 0,
        },
        models: [
          { name: 'nowhere', endpoints: [{ ...endpoint, baseUrl: `${hole.url}/v1` }] },
          { name: 'slow', endpoints: [{ ...endpoint, baseUrl: '{{upstream}}/v1' }] },
        ],
      }),
    });
  });
  afterAll(async () => {
    hole.stop();
    await house.stop();
  });

  const ask = (model: string) => ({ model, messages: [{ role: 'user', content: 'Hi' }] });

  test('ends the wait for a server that accepts no connection, well before the first-byte deadline', async () => {
    const startedAt = performance.now();
    const response = await house.post('/v1/chat/completions', ask('nowhere'));
    const ms = performance.now() - startedAt;
    expect(response.status).toBe(504);
    expect((await house.lastRow()).fault).toBe('upstream_connect_timeout');
    expect(ms).toBeGreaterThanOrEqual(CONNECT_MS - 50);
    expect(ms).toBeLessThan(FIRST_BYTE_MS - 300);
  });

  test('leaves a server alone that is connected and merely thinks', async () => {
    house.emulator.script([{ text: 'thought about it', firstByteDelayMs: CONNECT_MS + 300 }]);
    const response = await house.post('/v1/chat/completions', ask('slow'));
    expect(response.status).toBe(200);
  });
});
