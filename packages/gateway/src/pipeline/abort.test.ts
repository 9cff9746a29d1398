import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await startTestHouse({ deadlines: { betweenChunksMs: 5_000, firstByteMs: 5_000 } });
});
afterAll(() => house.stop());
afterEach(() => house.emulator.reset());

/** How long the upstream may stay open after the client left, in milliseconds. */
const CLOSE_WITHIN_MS = 50;

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 3_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('It did not happen within 3 s.');
    await Bun.sleep(2);
  }
}

const paths = [
  ['/v1/chat/completions', 'chat'],
  ['/v1/chat/completions', 'claude'],
  ['/v1/messages', 'claude'],
  ['/v1/messages', 'chat'],
] as const;

describe('a client that leaves', () => {
  test.each(paths)('in the middle of a stream: %s with %s', async (path, model) => {
    house.emulator.script([{ text: 'word '.repeat(200), paceMs: 10 }]);
    const leave = new AbortController();
    const request = { model, stream: true, max_tokens: 500, messages: [{ role: 'user', content: 'Count.' }] };
    const response = await house.post(path, request, { signal: leave.signal });
    const reader = response.body?.getReader();
    let arrived = '';
    while (arrived.split('word ').length <= 5) arrived += new TextDecoder().decode((await reader?.read())?.value);

    const leftAtMs = Date.now();
    leave.abort();
    await until(() => house.emulator.requests[0]?.closedAtMs !== undefined);
    expect((house.emulator.requests[0]?.closedAtMs ?? Number.NaN) - leftAtMs).toBeLessThan(CLOSE_WITHIN_MS);

    await until(() => house.gateway.activeCount === 0);
    const row = await house.lastRow();
    expect(row).toMatchObject({ fault: 'client_gone', status: 499, isEstimated: true });
    expect(row.attempts).toHaveLength(1);
    const { inputTokens = 0, outputTokens = 0 } = row.usage ?? {};
    expect(inputTokens).toBeGreaterThan(0);
    // About one token per piece of content that had arrived, never the whole answer.
    expect(outputTokens).toBeGreaterThanOrEqual(5);
    expect(outputTokens).toBeLessThan(50);
    expect(row.costNanoUsd).toBe(BigInt(inputTokens) * 1_000n + BigInt(outputTokens) * 2_000n);
  });

  test.each(paths)('while waiting for a whole answer: %s with %s', async (path, model) => {
    house.emulator.script([{ text: 'late', firstByteDelayMs: 3_000 }]);
    const leave = new AbortController();
    const request = { model, max_tokens: 500, messages: [{ role: 'user', content: 'Wait.' }] };
    const response = house.post(path, request, { signal: leave.signal }).catch((error: Error) => error.name);
    await until(() => house.emulator.requests.length === 1);
    const leftAtMs = Date.now();
    leave.abort();
    expect(await response).toBe('AbortError');
    await until(() => house.emulator.requests[0]?.closedAtMs !== undefined);
    expect((house.emulator.requests[0]?.closedAtMs ?? Number.NaN) - leftAtMs).toBeLessThan(CLOSE_WITHIN_MS);
    await until(() => house.gateway.activeCount === 0);
    const row = await house.lastRow();
    expect(row.fault).toBe('client_gone');
    expect(row.attempts).toHaveLength(1);
    // Nothing had come yet, but the provider had read the request.
    expect(row.attempts[0]).toMatchObject({ isEstimated: true, fault: 'client_gone' });
    expect(row.costNanoUsd).toBeGreaterThan(0n);
  });
});
