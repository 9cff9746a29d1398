import { expect, test } from 'bun:test';
import { startAdminTestHouse } from '../admin/admin-house.test-support.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';

const yaml = (auth: string) => `
keys: [{ name: file, key: sk-of-the-file-0123456789 }]
models:
  - { name: chat, endpoints: [{ provider: openai, model: m, baseUrl: "{{upstream}}/v1", apiKey: k, price: { input: 1, output: 2 } }] }
${auth}`;

test('cut off from its database for longer than allowed, a gateway refuses the keys it has from there, and no others', async () => {
  const bounded = await startAdminTestHouse({ yaml: yaml('auth: { cutOffMaxMs: 1000 }') });
  const unbounded = await startAdminTestHouse({ yaml: yaml('') });
  const stored = await Promise.all([bounded, unbounded].map((each) => each.newKey({ name: 'stored' })));
  const inStore = async () => [await bounded.chat(stored[0] ?? ''), await unbounded.chat(stored[1] ?? '')];
  const restore = [bounded, unbounded].map(({ house }) => {
    const { records } = house.gateway.store;
    const real = records.changedSince;
    records.changedSince = () => Promise.reject(new Error('away'));
    return () => {
      records.changedSince = real;
    };
  });
  try {
    expect(await inStore()).toEqual([200, 200]);
    await Bun.sleep(1_700);
    expect(await inStore()).toEqual([503, 200]);
    expect([await bounded.chat('sk-of-the-file-0123456789'), await bounded.chat(ADMIN_KEY)]).toEqual([200, 200]);
    const refused = await bounded.house.post(
      '/v1/chat/completions',
      { model: 'chat', messages: [] },
      { headers: { authorization: `Bearer ${stored[0]}` } },
    );
    expect(await refused.json()).toMatchObject({ error: { code: 'keys_stale' } });
    for (const back of restore) back();
    const untilMs = performance.now() + 5_000;
    while ((await bounded.chat(stored[0] ?? '')) !== 200 && performance.now() < untilMs) await Bun.sleep(50);
    expect(await inStore()).toEqual([200, 200]);
  } finally {
    await bounded.house.stop();
    await unbounded.house.stop();
  }
}, 20_000);
