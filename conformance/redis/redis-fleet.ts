import type { QuotaAuthority } from '@turnpike/gateway/quota/authority.ts';
import { QuotaNode } from '@turnpike/gateway/quota/quota-node.ts';
import { type RedisHouse, redisHouse } from '@turnpike/gateway/quota/redis-house.test-support.ts';
import type { RedisServer } from '@turnpike/gateway/redis/redis-server.test-support.ts';

export interface FleetOptions {
  readonly nodes: number;
  /** On a machine that is busy with other things: answers may take seconds, and a clock that is set counts for nothing. */
  readonly isPatient?: boolean;
}

const PATIENCE_MS = 5_000;

/** Unix milliseconds that pass evenly. */
export function steadyMs(): number {
  return performance.timeOrigin + performance.now();
}

/** What gateways have of one Redis server, each with a connection of its own. */
export class RedisFleet {
  readonly nodes: readonly QuotaNode[];
  readonly #houses: readonly RedisHouse[];
  /** Round trips so far, those behind the requests included. */
  calls = 0;

  private constructor(houses: readonly RedisHouse[], isPatient: boolean) {
    this.#houses = houses;
    const patient = isPatient ? { clock: () => Math.floor(steadyMs()), replyMs: PATIENCE_MS } : {};
    this.nodes = houses.map(({ authority }) => new QuotaNode({ authority: this.#counted(authority), ...patient }));
  }

  /** On a server that is emptied for it. */
  static async open(server: RedisServer, { nodes, isPatient = false }: FleetOptions): Promise<RedisFleet> {
    await server.run('FLUSHALL');
    const patient = isPatient ? { clock: () => Math.floor(steadyMs()), silentMs: PATIENCE_MS } : {};
    const houses: RedisHouse[] = [];
    for (let at = 0; at < nodes; at++) houses.push(await redisHouse(server.url, patient));
    return new RedisFleet(houses, isPatient);
  }

  async close(): Promise<void> {
    for (const node of this.nodes) await node.close();
    for (const house of this.#houses) await house.close();
  }

  #counted(authority: RedisHouse['authority']): QuotaAuthority {
    return {
      call: (asked) => {
        this.calls++;
        return authority.call(asked);
      },
      onRecall: (listener) => authority.onRecall(listener),
      onLost: (listener) => authority.onLost(listener),
      onReturn: (listener) => authority.onReturn(listener),
      close: () => authority.close(),
    };
  }
}
