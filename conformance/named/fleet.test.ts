/** Budgets and limits of several gateways: what others count apart, twice or not at all, above all when what they share fails. */
import { afterEach, describe, expect, test } from 'bun:test';
import { AuthorityUnreachable, type QuotaAuthority } from '@turnpike/gateway/quota/authority.ts';
import { MemoryAuthority } from '@turnpike/gateway/quota/memory-authority.ts';
import { type Answered, inHouse, TOKEN, until } from './house.ts';

/**
 * `down`: calls do not arrive. `deaf`: they arrive and are applied, and each other reply is lost. `hung`: nothing comes
 * back for as long as it lasts.
 */
type State = 'well' | 'down' | 'deaf' | 'hung';

/** Stands before an authority, and goes wrong when told to. */
class TroubledAuthority implements QuotaAuthority {
  #inner: QuotaAuthority = new MemoryAuthority();
  readonly #listeners: ((account: string) => void)[] = [];
  #isReplyLost = false;
  state: State = 'well';

  async call(calls: Parameters<QuotaAuthority['call']>[0]): ReturnType<QuotaAuthority['call']> {
    while (this.state === 'hung') await Bun.sleep(10);
    if (this.state === 'down') throw new AuthorityUnreachable('Away.');
    const replies = await this.#inner.call(calls);
    this.#isReplyLost = this.state === 'deaf' && !this.#isReplyLost;
    if (this.#isReplyLost) throw new AuthorityUnreachable('The reply is lost.');
    return replies;
  }

  #seq = 0;

  /** By all gateways, as they told it. */
  async usedOf(account: string): Promise<bigint | undefined> {
    const nothing = { capacity: 0n, charges: [], giveBack: 0n, need: 0n, want: 0n, recall: false, seed: undefined };
    const call = { account, node: 'observer', seq: ++this.#seq, nowMs: Date.now(), ...nothing, leaseMs: 1_000 };
    const [reply] = await this.#inner.call([call]);
    return reply?.used;
  }

  onRecall(listener: (account: string) => void): void {
    this.#listeners.push(listener);
    this.#inner.onRecall(listener);
  }

  /** As a server that comes back empty. */
  forget(): void {
    this.#inner = new MemoryAuthority();
    for (const listener of this.#listeners) this.#inner.onRecall(listener);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

const authority = new TroubledAuthority();
const keyOf = (name: string) => `sk-fleet-${name}-0123456789`;
const key = (name: string, more: object) => ({ name, key: keyOf(name), ...more });
const month = (tokens: number) => ({ budgets: [{ amount: tokens / 1_000, per: 'month' }] });

inHouse(
  {
    gateways: 2,
    authority,
    config: {
      keys: [
        key('probe', month(100_000)),
        key('line', month(100)),
        key('lost', month(100_000)),
        key('away', month(100_000)),
        key('flushed', month(100_000)),
        key('again', month(100_000)),
        key('hung', { ...month(100_000), limits: [{ requests: 1_000, per: 'minute' }] }),
        key('near', month(30)),
        key('ten', { limits: [{ requests: 10, per: 'minute' }] }),
        key('tokens', { limits: [{ outputTokens: 100, per: 'minute' }] }),
        key('pair', { limits: [{ concurrency: 2 }] }),
      ],
    },
  },
  (house) => {
    afterEach(async () => {
      if (authority.state === 'well') return;
      authority.state = 'well';
      // One that was out of reach is tried again after a second.
      await Bun.sleep(1_100);
    });

    /** So many at once, in turn of each gateway. */
    const crowd = (name: string, count: number, options: object = {}) =>
      Promise.all(Array.from({ length: count }, (_, turn) => house().ask(keyOf(name), { ...options, at: turn % 2 })));
    /** Until each gateway has a lease of what it uses. */
    const warm = async (name: string) => {
      house().answers(10);
      for (let round = 0; round < 4; round++) {
        expect(countOf(await crowd(name, 10), 200)).toBe(10);
        await Bun.sleep(60);
      }
    };
    const countOf = (answers: readonly Answered[], status: number) =>
      answers.filter((answer) => answer.status === status).length;

    const accountOf = (name: string) =>
      house()
        .gateway.budgets.inForce.find(({ rule }) => rule.scope.key === name)
        ?.accounts.of('').lease?.id ?? '';

    /** What is shared comes to be exactly what the ledger has. */
    const agrees = async (name: string) => {
      const spent = await house().spent(`key:${name}`);
      await until(async () => (await authority.usedOf(accountOf(name))) === spent);
      return spent;
    };

    describe('together, not each', () => {
      test('a budget: forty at once find room for ten, and the line is reached exactly', async () => {
        house().answers(10, { firstByteDelayMs: 30 });
        const answers = await crowd('line', 40);
        expect([countOf(answers, 200), countOf(answers, 402)]).toEqual([10, 30]);
        expect(await agrees('line')).toBe(100n * TOKEN);
        for (const at of [0, 1]) expect((await house().ask(keyOf('line'), { at, max: 1 })).status).toBe(402);
      });

      test('requests a minute: ten of sixty, at once, over both', async () => {
        house().answers(1);
        const answers = await crowd('ten', 60);
        expect([countOf(answers, 200), countOf(answers, 429)]).toEqual([10, 50]);
      });

      test('tokens a minute: counted before they are used, so that a crowd does not pass on credit', async () => {
        house().answers(20, { firstByteDelayMs: 60 });
        const answers = await crowd('tokens', 30, { max: 20 });
        expect([countOf(answers, 200), countOf(answers, 429)]).toEqual([5, 25]);
      });

      test('places for calls under way: two over both, free again when they have ended', async () => {
        house().answers(1, { firstByteDelayMs: 150 });
        for (let round = 0; round < 3; round++) {
          const answers = await crowd('pair', 8);
          expect([countOf(answers, 200), countOf(answers, 429)]).toEqual([2, 6]);
        }
      });
    });

    describe('no figure drifts from the ledger, and nobody is refused below the line', () => {
      test('when calls are applied and their replies lost, again and again', async () => {
        await warm('lost');
        authority.state = 'deaf';
        for (let round = 0; round < 5; round++) {
          expect(countOf(await crowd('lost', 8), 200)).toBe(8);
          await Bun.sleep(60);
        }
        expect(await agrees('lost')).toBe(800n * TOKEN);
      });

      test('when it is away in the middle of traffic, and comes back', async () => {
        await warm('away');
        authority.state = 'down';
        for (let round = 0; round < 4; round++) {
          expect(countOf(await crowd('away', 10), 200)).toBe(10);
          await Bun.sleep(60);
        }
        authority.state = 'well';
        expect(countOf(await crowd('away', 10), 200)).toBe(10);
        expect(await agrees('away')).toBe(900n * TOKEN);
        authority.state = 'down';
      });

      test('when it comes back with nothing in its memory', async () => {
        await warm('flushed');
        // What was settled in the two seconds before may count twice: too much rather than too little.
        await Bun.sleep(2_100);
        authority.forget();
        for (let round = 0; round < 2; round++) {
          expect(countOf(await crowd('flushed', 10), 200)).toBe(10);
          await Bun.sleep(100);
        }
        const used = (await authority.usedOf(accountOf('flushed'))) ?? 0n;
        expect(used).toBeGreaterThanOrEqual(await house().spent('key:flushed'));
        expect(used).toBeLessThanOrEqual((600n + 200n) * TOKEN);
      });

      test('when a gateway starts again: what it knows from the ledger is not told a second time', async () => {
        await warm('again');
        await house().spent('key:again');
        await house().restart(1);
        expect(countOf(await crowd('again', 12), 200)).toBe(12);
        expect(await agrees('again')).toBe(520n * TOKEN);
      });
    });

    test('while it hangs, calls are answered out of what is leased, and others refused soon: nobody hangs with it', async () => {
      await warm('hung');
      authority.state = 'hung';
      const begunMs = performance.now();
      const answers: Answered[] = [];
      for (let round = 0; round < 10; round++) answers.push(...(await crowd('hung', 4)));
      expect(countOf(answers, 200)).toBe(40);
      expect(performance.now() - begunMs).toBeLessThan(1_500);
      // Nor does a call wait for long that is not within a lease: it is refused, not served on credit.
      const refused = await crowd('near', 10);
      expect(countOf(refused, 503)).toBe(10);
      expect(performance.now() - begunMs).toBeLessThan(2_500);
      authority.state = 'well';
      expect(await agrees('hung')).toBe(800n * TOKEN);
    });
  },
);
