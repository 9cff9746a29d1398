import type { JournalPlace, Leftovers } from '../fleet/seat.ts';
import type { QuotaAuthority } from '../quota/authority.ts';
import { RedisAuthority } from '../quota/redis-authority.ts';
import { type RedisAddress, redisAddress } from './redis-address.ts';
import { RedisLink } from './redis-link.ts';

/** What this process shares with gateways on other machines. */
export interface Fleet {
  readonly authority: QuotaAuthority & Leftovers;
  /** Tells all others that something stored was changed. Those it does not reach find out by looking. */
  tellChange(): void;
  /** Told when Redis answers again after it did not. */
  onReturn(listener: () => void): void;
  /** Told when another gateway changed something, and when it may have while this one could not hear it. */
  onChange(listener: () => void): void;
  close(): Promise<void>;
}

/** Where what happens is told. */
interface FleetLog {
  info(message: string, fields: { redis: string }): void;
  warn(message: string, fields: { redis: string; reason: Error }): void;
  readonly secrets: { add(values: Iterable<string | undefined>): void };
}

/**
 * Joins the gateways that use the same Redis. A server that is away is no reason not to start: one try is waited for, the
 * rest goes on behind the traffic.
 *
 * @param journalPlace Where the next record of the journal goes; undefined while there is none.
 * @throws RangeError when the address is none.
 */
export async function joinFleet(
  url: string,
  log: FleetLog,
  journalPlace: () => JournalPlace | undefined,
): Promise<Fleet> {
  const address: RedisAddress = redisAddress(url);
  const { label: redis, prefix } = address;
  log.secrets.add([address.password, address.sentinelPassword]);
  const link = new RedisLink({
    address,
    onLoss: (reason) =>
      log.warn('Redis cannot be reached: budgets and limits go on by what is leased here.', { redis, reason }),
    onReturn: () => log.info('Redis is there again.', { redis }),
  });
  const authority = new RedisAuthority({
    link,
    journalPlace,
    onRefusal: (reason) => log.warn('Redis refused what it was asked.', { redis, reason }),
  });
  authority.onLost(() => log.info('Redis lost its memory: what was used is read from the ledger.', { redis }));
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const own = crypto.randomUUID();
  const channel = `${prefix}:changed`;
  link.subscribe(channel, (sender) => {
    if (sender !== own) tell();
  });
  link.onOpen(tell);
  await link.open();
  return {
    authority,
    tellChange: () => link.publish(channel, own),
    onReturn: (listener) => authority.onReturn(listener),
    onChange: (listener) => void listeners.add(listener),
    async close() {
      await authority.close();
      await link.close();
    },
  };
}
