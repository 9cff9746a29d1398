import { Database } from 'bun:sqlite';
import { parseArgs } from 'node:util';
import type { Price } from '@turnpike/gateway/catalog/price.ts';
import { costOf } from '@turnpike/gateway/ledger/cost.ts';
import type { LedgerEntry } from '@turnpike/gateway/ledger/entry.ts';
import { Ledger, type OpenAttempt } from '@turnpike/gateway/ledger/ledger.ts';
import { DatabaseStore } from '@turnpike/gateway/store/database-store.ts';
import { migrate } from '@turnpike/gateway/store/migrate.ts';
import { SqliteDatabase } from '@turnpike/gateway/store/sqlite-database.ts';
import { type Store, StoreError } from '@turnpike/gateway/store/store.ts';
import { randomFrom } from '../random.ts';
import { type Blow, SimulatedDisk, SimulatedProcess } from './simulated-disk.ts';

/** What a number of runs came to. `wrong` holds a line for each thing that should not be. */
export interface Tally {
  runs: number;
  kills: number;
  /** Kills by the step they struck at. */
  killsAt: Map<string, number>;
  diskFaults: number;
  attempts: number;
  exact: number;
  estimated: number;
  entries: number;
  wrong: string[];
}

const PRICE: Price = { input: 1_230_000_007n, output: 4_560_000_011n, source: 'simulation' };
/** Small, so that a run changes segments several times. */
const SEGMENT_BYTES = 4_000;
const LIVES_MAX = 4;

/** One attempt as the one who made the calls remembers it. */
interface Remembered {
  readonly id: string;
  readonly inputTokens: number;
  open: OpenAttempt | undefined;
  /** Did `begin` return? If not, it may or may not be in the journal. */
  begun: boolean;
  /** Output as of the last progress that was surely written, and of those after it that may have been. */
  progressed: number;
  perhaps: number[];
  settling: bigint | undefined;
  settled: boolean;
}

/**
 * Runs a ledger through random work on a simulated disk and a real database in memory, killing its process at random
 * steps: between records, within the bytes of one, before and after a commit, while recovering. After each kill a new
 * process recovers, and may be killed too. At the end every attempt must be in the ledger as it must be, once.
 */
export async function simulate(runs: number, firstSeed: number): Promise<Tally> {
  const tally: Tally = {
    runs: 0,
    kills: 0,
    killsAt: new Map(),
    diskFaults: 0,
    attempts: 0,
    exact: 0,
    estimated: 0,
    entries: 0,
    wrong: [],
  };
  const database = new SqliteDatabase(new Database(':memory:', { safeIntegers: true }), 'memory');
  await migrate(database);
  const store = new DatabaseStore(database);
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    await database.rows('DELETE FROM ledger_entry');
    await database.rows('DELETE FROM ledger_rollup');
    await new Run(seed, store, tally).go();
    tally.runs++;
  }
  await store.close();
  return tally;
}

class Run {
  readonly #seed: number;
  readonly #random: () => number;
  readonly #store: Store;
  readonly #tally: Tally;
  readonly #disk = new SimulatedDisk();
  readonly #attempts: Remembered[] = [];
  #life = 0;
  /** Steps until the next kill. */
  #fuse = 0;

  constructor(seed: number, store: Store, tally: Tally) {
    this.#seed = seed;
    this.#random = randomFrom(seed);
    this.#store = store;
    this.#tally = tally;
  }

  async go(): Promise<void> {
    for (this.#life = 1; this.#life <= LIVES_MAX; this.#life++) {
      // The last life is left alone, so that what there is to recover is recovered.
      this.#fuse = this.#life === LIVES_MAX ? Number.POSITIVE_INFINITY : 1 + Math.floor(this.#random() * 90);
      const process = new SimulatedProcess(
        this.#disk,
        (step) => this.#strike(step),
        (length) => Math.floor(this.#random() * (length + 1)),
      );
      try {
        await this.#live(process);
      } catch (error) {
        if (!process.isDead) throw error;
      }
      this.#forgetOpen();
    }
    await this.#check();
  }

  #strike(step: string): Blow {
    if (--this.#fuse === 0) {
      this.#tally.kills++;
      this.#tally.killsAt.set(step, (this.#tally.killsAt.get(step) ?? 0) + 1);
      return 'kill';
    }
    const isFault = this.#life < LIVES_MAX && (step === 'write' || step === 'open') && this.#random() < 0.01;
    if (isFault) this.#tally.diskFaults++;
    return isFault ? 'no-space' : 'none';
  }

  async #live(process: SimulatedProcess): Promise<void> {
    let ledger: Ledger;
    try {
      ledger = new Ledger({
        disk: process,
        store: { writeLedger: (entries) => this.#write(process, entries) },
        log: { info: () => undefined, warn: () => undefined, error: () => undefined },
        writerName: `${this.#seed}-${this.#life}`,
        segmentBytes: SEGMENT_BYTES,
        timers: { after: () => () => undefined, every: () => () => undefined },
      });
    } catch (error) {
      if (process.isDead) throw error;
      process.isDead = true; // No room for a journal: it does not start.
      return;
    }
    await ledger.recover();
    const isLast = this.#life === LIVES_MAX;
    const work = isLast ? 5 : 60;
    for (let n = 0; n < work && !process.isDead; n++) await this.#work(ledger, process);
    if (process.isDead) return;
    for (const each of this.#attempts) if (each.open !== undefined) this.#settle(ledger, each, process);
    await ledger.flush();
    await ledger.recover();
    if (!process.isDead) await ledger.close();
  }

  async #work(ledger: Ledger, process: SimulatedProcess): Promise<void> {
    const open = this.#attempts.filter((each) => each.open !== undefined);
    const chosen = open[Math.floor(this.#random() * open.length)];
    const dice = this.#random();
    if (dice < 0.08) await ledger.flush();
    else if (dice < 0.1) await ledger.recover();
    else if (dice < 0.45 || chosen === undefined) this.#begin(ledger, process);
    else if (dice < 0.65) this.#progress(ledger, chosen, process);
    else this.#settle(ledger, chosen, process);
  }

  #begin(ledger: Ledger, process: SimulatedProcess): void {
    const id = `tp_${this.#seed}_${this.#attempts.length}.1`;
    const remembered: Remembered = {
      id,
      inputTokens: Math.floor(this.#random() * 5_000),
      open: undefined,
      begun: false,
      progressed: 0,
      perhaps: [],
      settling: undefined,
      settled: false,
    };
    this.#attempts.push(remembered);
    this.#tally.attempts++;
    const labels = {
      id,
      atMs: 1_780_000_000_000 + this.#attempts.length,
      exchangeId: id.slice(0, -2),
      attempt: 1,
      scopes: ['key:web', 'team:ünïcode "quoted"\nline'],
      model: 'chat',
      provider: 'openai',
      endpoint: 'openai/gpt',
      modelServed: 'gpt',
    };
    try {
      remembered.open = ledger.begin(labels, remembered.inputTokens, PRICE);
      remembered.begun = !process.isDead;
    } catch {
      // Refused, or killed: then it was not sent either. Whether it is in the journal is looked at in the end.
    }
  }

  #progress(ledger: Ledger, attempt: Remembered, process: SimulatedProcess): void {
    if (attempt.open === undefined) return;
    const faultsBefore = this.#tally.diskFaults;
    const outputTokens = (attempt.perhaps.at(-1) ?? attempt.progressed) + 1 + Math.floor(this.#random() * 50);
    ledger.progress(attempt.open, 1_780_000_100_000, { inputTokens: attempt.inputTokens, outputTokens });
    if (process.isDead || this.#tally.diskFaults !== faultsBefore) attempt.perhaps.push(outputTokens);
    else {
      attempt.progressed = outputTokens;
      attempt.perhaps = [];
    }
  }

  #settle(ledger: Ledger, attempt: Remembered, process: SimulatedProcess): void {
    if (attempt.open === undefined || process.isDead) return;
    const faultsBefore = this.#tally.diskFaults;
    const usage = { inputTokens: attempt.inputTokens + 7, outputTokens: Math.floor(this.#random() * 3_000) };
    attempt.settling = costOf(usage, PRICE)?.nanoUsd;
    const end = { settledAtMs: 1_780_000_200_000, fault: undefined, usage, costNanoUsd: attempt.settling };
    ledger.settle(attempt.open, { ...end, uncovered: [], isEstimated: false });
    attempt.settled = !process.isDead && this.#tally.diskFaults === faultsBefore;
    attempt.open = undefined;
  }

  /** Their process is gone, and they with it. */
  #forgetOpen(): void {
    for (const attempt of this.#attempts) attempt.open = undefined;
  }

  /** The database of a process that may be killed before a transaction, or before it hears that it was committed. */
  async #write(process: SimulatedProcess, entries: readonly LedgerEntry[]): Promise<ReadonlySet<string>> {
    process.step('before commit');
    const isFaulty = this.#life < LIVES_MAX;
    if (isFaulty && this.#random() < 0.08) throw new StoreError('busy', 'held by another');
    const fresh = await this.#store.writeLedger(entries);
    process.step('acknowledgement');
    if (isFaulty && this.#random() < 0.08) throw new StoreError('unusable', 'the connection broke after the commit');
    return fresh;
  }

  async #check(): Promise<void> {
    const entries: LedgerEntry[] = [];
    for (let beyond: LedgerEntry | undefined; ; ) {
      const page = await this.#store.ledgerEntries({ limit: 1000, order: 'oldest', beyond });
      entries.push(...page);
      beyond = page.at(-1);
      if (page.length < 1000) break;
    }
    const byId = new Map(entries.map((entry) => [entry.id, entry]));
    this.#tally.entries += entries.length;
    let sum = 0n;
    for (const { costNanoUsd } of entries) sum += costNanoUsd ?? 0n;
    const rolled = await this.#store.spendBetween('all', 0, Number.MAX_SAFE_INTEGER);
    if (rolled !== sum) this.#wrong(`the sums say ${rolled}, the entries ${sum}`);
    const known = new Set(this.#attempts.map(({ id }) => id));
    for (const { id } of entries) if (!known.has(id)) this.#wrong(`${id} was never made`);
    for (const attempt of this.#attempts) this.#checkOne(attempt, byId.get(attempt.id));
    const left = [...this.#disk.files.keys()].filter((name) => /\.(journal|ack|new)$/.test(name));
    if (left.length > 0) this.#wrong(`left behind: ${left.join(', ')}`);
  }

  #checkOne(attempt: Remembered, entry: LedgerEntry | undefined): void {
    const { id, begun, settled, settling } = attempt;
    if (entry === undefined) {
      if (begun) this.#wrong(`${id} is lost`);
      return;
    }
    if (!entry.isEstimated) {
      this.#tally.exact++;
      if (entry.costNanoUsd !== settling) this.#wrong(`${id} cost ${settling}, the ledger says ${entry.costNanoUsd}`);
      return;
    }
    this.#tally.estimated++;
    if (settled) this.#wrong(`${id} was settled, the ledger has an estimate`);
    const price = (outputTokens: number) => costOf({ inputTokens: attempt.inputTokens, outputTokens }, PRICE)?.nanoUsd;
    const seen = [attempt.progressed, ...attempt.perhaps].map(price);
    if (!seen.includes(entry.costNanoUsd)) {
      this.#wrong(`${id} is estimated at ${entry.costNanoUsd}, the journal had seen ${seen.join(' or ')}`);
    }
  }

  #wrong(what: string): void {
    this.#tally.wrong.push(`seed ${this.#seed}: ${what}`);
  }
}

/** The tally as a person reads it. */
export function describeTally(tally: Tally): string {
  const at = [...tally.killsAt].map(([step, kills]) => `${step} ${kills}`).join(', ');
  return [
    `${tally.runs} runs, ${tally.attempts} attempts, ${tally.diskFaults} full disks`,
    `${tally.kills} kills (${at})`,
    `${tally.entries} entries: ${tally.exact} exact, ${tally.estimated} estimated`,
    `${tally.wrong.length} wrong`,
    ...tally.wrong.slice(0, 20),
  ].join('\n');
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
  const tally = await simulate(Number(values.runs ?? 10_000), Number(values.seed ?? 1));
  process.stdout.write(`${describeTally(tally)}\n`);
  process.exitCode = tally.wrong.length === 0 ? 0 : 1;
}
