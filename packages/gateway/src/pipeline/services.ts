import type { Snapshot } from '../config/snapshot.ts';
import type { OwnCredentialSource } from '../identity/credential-vault.ts';
import type { EndUserSource } from '../identity/end-user.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Budgets } from '../policy/budgets/budgets.ts';
import type { KeyTable } from '../policy/identify.ts';
import type { Limiter } from '../policy/limits/limiter.ts';
import type { Markups } from '../policy/markups.ts';
import type { Alarms } from '../runtime/alarm.ts';
import type { Reachability } from '../runtime/reachable.ts';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import type { BoundedNames } from './bounded-names.ts';

/** Services whose management APIs are answered as well, each under its own paths. */
export type ManagementFace = 'openrouter' | 'vercel' | 'litellm';

/** What the pipeline needs from its house. Built in `compose.ts`, replaced in tests. */
export interface Services {
  /** The configuration in force; read once per exchange. */
  readonly snapshot: Snapshot;
  readonly keys: KeyTable;
  /** Answers a request to the admin API. Never rejects. */
  readonly admin: (request: Request, address: () => string | undefined) => Promise<Response>;
  /** Answers a request to the management API of another service, as that would. Never rejects. */
  readonly management: (face: ManagementFace, request: Request, address: () => string | undefined) => Promise<Response>;
  readonly endUsers: EndUserSource;
  /** Credentials that belong to callers. */
  readonly vault: OwnCredentialSource;
  /** Keeps secrets that came with a request out of the log. */
  readonly hide: (secrets: readonly string[]) => void;
  readonly limiter: Limiter;
  readonly budgets: Budgets;
  readonly markups: Markups;
  readonly ledger: Ledger;
  readonly names: BoundedNames;
  readonly alarms: Alarms;
  readonly reachability: Reachability;
  /** Takes the row of a settled exchange. Never throws, never waits. */
  readonly record: (row: ExchangeRow) => void;
  /** Told of errors that are no faults: defects of ours. */
  readonly onDefect: (error: unknown, exchangeId: string) => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Under way at once: streams count until their last byte. */
  readonly active: ActiveExchanges;
}

/** Counts exchanges under way and lets a stopping gateway wait for them. */
export class ActiveExchanges {
  #count = 0;
  #waiters: (() => void)[] = [];
  isStopping = false;

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count++;
  }

  leave(): void {
    this.#count--;
    if (this.#count === 0) {
      for (const wake of this.#waiters) wake();
      this.#waiters = [];
    }
  }

  /** Resolves when none is under way, or after `limitMs`. @returns how many are left. */
  async drained(limitMs: number): Promise<number> {
    if (this.#count === 0) return 0;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return this.#count;
  }
}
