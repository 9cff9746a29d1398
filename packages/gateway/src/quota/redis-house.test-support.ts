import { redisAddress } from '../redis/redis-address.ts';
import { RedisLink, type RedisLinkOptions } from '../redis/redis-link.ts';
import { RedisAuthority, type RedisAuthorityOptions } from './redis-authority.ts';

export interface RedisHouse {
  readonly authority: RedisAuthority;
  readonly link: RedisLink;
  /** `lost`, `returned`, `forgotten` and what was refused, in their order. */
  readonly told: string[];
  close(): Promise<void>;
}

type HouseOptions = Pick<RedisAuthorityOptions, 'clock' | 'settleMs' | 'journalPlace'> &
  Pick<RedisLinkOptions, 'silentMs'>;

/** An authority with a link of its own. */
export async function redisHouse(url: string, { silentMs, ...options }: HouseOptions = {}): Promise<RedisHouse> {
  const told: string[] = [];
  const link = new RedisLink({
    address: redisAddress(url),
    onLoss: () => told.push('lost'),
    onReturn: () => told.push('returned'),
    silentMs,
  });
  const authority = new RedisAuthority({ link, onRefusal: (error) => told.push(error.message), ...options });
  authority.onLost(() => told.push('forgotten'));
  await link.open();
  return {
    authority,
    link,
    told,
    async close() {
      await authority.close();
      await link.close();
    },
  };
}
