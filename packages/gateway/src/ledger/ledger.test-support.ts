import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Price } from '../catalog/price.ts';
import type { JournalDisk } from '../runtime/journal-disk.ts';
import { costOf } from './cost.ts';
import type { LedgerEntry } from './entry.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';
import type { Settlement } from './record.ts';

/** A thousand and two thousand nano-USD a token. */
export const price: Price = { input: 1_000_000_000n, output: 2_000_000_000n, source: 'test' };

export function labels(id: string) {
  return {
    id,
    atMs: 1_780_000_000_000,
    exchangeId: id.split('.')[0] ?? id,
    attempt: Number(id.split('.')[1] ?? 1),
    scopes: ['key:web'],
    model: 'chat',
    provider: 'openai',
    endpoint: 'openai/gpt',
    modelServed: 'gpt',
  };
}

export function settlement(usage: Usage, changes: Partial<Settlement> = {}): Settlement {
  const cost = costOf(usage, price);
  return {
    settledAtMs: 1_780_000_001_000,
    fault: undefined,
    usage,
    costNanoUsd: cost?.nanoUsd,
    uncovered: [],
    isEstimated: false,
    ...changes,
  };
}

/** What a database would hold, which can be made to fail. */
export class TestStore {
  readonly entries = new Map<string, LedgerEntry>();
  /** Called before each batch; what it throws fails the batch. */
  before: (entries: readonly LedgerEntry[]) => void = () => undefined;
  batches = 0;

  async writeLedger(entries: readonly LedgerEntry[]): Promise<ReadonlySet<string>> {
    this.batches++;
    this.before(entries);
    const fresh = entries.filter(({ id }) => !this.entries.has(id));
    for (const entry of fresh) this.entries.set(entry.id, entry);
    return new Set(fresh.map(({ id }) => id));
  }

  cost(id: string): bigint | undefined {
    return this.entries.get(id)?.costNanoUsd;
  }
}

/** Lines a ledger logs. */
export class TestLog {
  readonly lines: string[] = [];
  info(line: string): void {
    this.lines.push(line);
  }
  warn(line: string): void {
    this.lines.push(line);
  }
  error(line: string): void {
    this.lines.push(line);
  }
}

/** A ledger whose timers never ring: everything happens when asked for. */
export function testLedger(disk: JournalDisk, store: TestStore, options: Partial<LedgerOptions> = {}): Ledger {
  return new Ledger({
    disk,
    store,
    log: new TestLog(),
    writerName: crypto.randomUUID().slice(0, 8),
    timers: { after: () => () => undefined, every: () => () => undefined },
    ...options,
  });
}
