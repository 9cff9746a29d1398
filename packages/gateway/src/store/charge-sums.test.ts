import { expect, test } from 'bun:test';
import { ledgerEntry } from '../ledger/entry.test-support.ts';
import { onEachDatabase } from './each-database.test-support.ts';

const day = Date.UTC(2026, 4, 17);
const markup = { percentMillionths: 12_500_000n, perCallNanoUsd: 1n };

onEachDatabase((here) => {
  test('charges are summed by scope, past 2^53, and those of all scopes make up the total', async () => {
    const store = await here.open();
    const marked = ledgerEntry({
      id: 'tp_1.1',
      atMs: day + 1,
      scopes: ['key:web', 'team:a'],
      costNanoUsd: 9_007_199_254_740_993n,
      markup,
      upliftNanoUsd: 1_125_899_906_842_625n,
    });
    await store.writeLedger([
      marked,
      ledgerEntry({ id: 'tp_2.1', atMs: day + 2, scopes: ['key:web', 'team:a'], costNanoUsd: 7n }),
      ledgerEntry({
        id: 'tp_3.1',
        atMs: day + 3,
        scopes: ['key:bot', 'team:b'],
        costNanoUsd: undefined,
        upliftNanoUsd: 1n,
        markup,
      }),
      ledgerEntry({ id: 'tp_4.1', atMs: day + 4, scopes: ['key:lone'], costNanoUsd: 11n, upliftNanoUsd: -1n, markup }),
      ledgerEntry({
        id: 'tp_5.1',
        atMs: day - 1,
        scopes: ['key:web', 'team:a'],
        costNanoUsd: 100n,
        upliftNanoUsd: 9n,
        markup,
      }),
    ]);
    await store.writeLedger([marked]);
    expect((await store.ledgerEntries({ limit: 9 })).find(({ id }) => id === 'tp_1.1')).toEqual(marked);
    const ask = { by: 'team', period: 'day', fromMs: day, toMs: day + 86_400_000 } as const;
    const a = {
      scope: 'team:a',
      entries: 2,
      unpriced: 0,
      costNanoUsd: 9_007_199_254_741_000n,
      upliftNanoUsd: 1_125_899_906_842_625n,
    };
    const b = { scope: 'team:b', entries: 1, unpriced: 1, costNanoUsd: 0n, upliftNanoUsd: 1n };
    expect(await store.ledgerCharges({ ...ask, limit: 9 })).toEqual([a, b]);
    expect(await store.ledgerCharges({ ...ask, limit: 1 })).toEqual([a]);
    expect(await store.ledgerCharges({ ...ask, limit: 1, after: 'team:a' })).toEqual([b]);
    expect(await store.ledgerChargeTotal(ask)).toEqual({
      scope: '',
      entries: 3,
      unpriced: 1,
      costNanoUsd: 9_007_199_254_741_000n,
      upliftNanoUsd: 1_125_899_906_842_626n,
    });
    const all = await store.ledgerChargeTotal({ ...ask, by: 'all', period: 'hour' });
    expect([all.costNanoUsd, all.upliftNanoUsd]).toEqual([9_007_199_254_741_011n, 1_125_899_906_842_625n]);
    expect(await store.ledgerChargeTotal({ ...ask, fromMs: 0, toMs: 1 })).toMatchObject({
      entries: 0,
      costNanoUsd: 0n,
    });
  });
});
