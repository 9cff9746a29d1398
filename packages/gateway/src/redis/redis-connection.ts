import type { RedisAddress, RedisHost } from './redis-address.ts';

/** The server cannot be asked, or did not answer in time. What was asked may or may not have been done. */
export class RedisAway extends Error {}

/** A connection that stands; in a cluster, those to its nodes. It is not made anew: who uses it does that. */
export interface RedisConnection {
  /** Sends at once, in the order of calls. @throws RedisAway when the connection ends @throws what the server says against it */
  send(key: string, args: readonly string[]): Promise<unknown>;
  /** Is anybody there? */
  ping(): Promise<unknown>;
  /** @throws when that takes long: then the connection is to be destroyed. */
  subscribe(channels: readonly string[], listener: (message: string, channel: string) => void): Promise<void>;
  /** Ends it; what is under way rejects. */
  destroy(): void;
}

const CONNECT_MS = 1_000;
/** Above anything that gets into a queue here: who sends looks at that. */
const QUEUE_MAX = 10_000;

/** @param onEnd Told once it is of no use any more. @throws when it cannot be had, in {@link CONNECT_MS} or a few of it. */
export async function openConnection(address: RedisAddress, onEnd: (error: Error) => void): Promise<RedisConnection> {
  if (address.kind === 'cluster') return openCluster(address);
  if (address.kind === 'single') return openServer(address, address.hosts[0], onEnd);
  const master = await askSentinels(address);
  const connection = await openServer(address, master, onEnd);
  const [role] = (await inTime(connection.send('', ['ROLE']), () => connection.destroy())) as string[];
  if (role === 'master') return connection;
  connection.destroy();
  throw new Error(`The sentinels name a server that says it is a ${role}.`);
}

async function openServer(
  { isTls, username, password, database }: Pick<RedisAddress, 'isTls' | 'username' | 'password' | 'database'>,
  { host, port }: RedisHost = { host: '127.0.0.1', port: 6_379 },
  onEnd: (error: Error) => void = () => undefined,
): Promise<RedisConnection> {
  const { createClient, ErrorReply } = await import('@redis/client');
  const client = createClient({
    ...common(username, password),
    socket: { ...socketOf(isTls), host, port, reconnectStrategy: false },
    database,
  });
  let failed: Error | undefined;
  client.on('error', (error: Error) => {
    failed = error;
    onEnd(error);
  });
  await inTime(client.connect(), () => client.destroy());
  if (failed !== undefined) throw failed;
  return {
    send: (_key, args) =>
      client.sendCommand([...args]).catch((error: unknown) => {
        // It is a replica now: the master is elsewhere.
        if (error instanceof ErrorReply && error.message.startsWith('READONLY')) onEnd(error);
        return thrown(error, ErrorReply);
      }),
    ping: async () => client.ping(),
    subscribe: (channels, listener) => inTime(client.subscribe([...channels], listener), () => undefined),
    destroy: () => client.destroy(),
  };
}

async function openCluster({ hosts, isTls, username, password, prefix }: RedisAddress): Promise<RedisConnection> {
  const { createCluster, ErrorReply } = await import('@redis/client');
  const socket = { ...socketOf(isTls), reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, 500) };
  const cluster = createCluster({
    rootNodes: hosts.map(({ host, port }) => ({ socket: { ...socket, host, port } })),
    defaults: { ...common(username, password), socket },
    topologyRefreshOnReconnectionAttemptStrategy: 500,
    // One that is down must not keep us from the others.
    minimizeConnections: true,
  });
  // The nodes' connections are made anew by the client, and what cannot be asked meanwhile rejects.
  cluster.on('error', () => undefined);
  await inTime(cluster.connect(), () => cluster.destroy());
  return {
    send: (key, args) =>
      cluster
        .sendCommand(key === '' ? undefined : key, false, [...args])
        .catch((error: unknown) => thrown(error, ErrorReply)),
    // PING would go to all masters, and fail with any of them.
    ping: async () => cluster.sendCommand(`${prefix}:ping`, false, ['GET', `${prefix}:ping`]),
    subscribe: (channels, listener) => inTime(cluster.subscribe([...channels], listener), () => undefined),
    destroy: () => cluster.destroy(),
  };
}

/** @returns where the first sentinel that answers says the master is. */
async function askSentinels(address: RedisAddress): Promise<RedisHost> {
  const { isTls, sentinelUsername: username, sentinelPassword: password } = address;
  let failed: unknown;
  for (const host of address.hosts) {
    try {
      const sentinel = await openServer({ isTls, username, password, database: 0 }, host);
      try {
        const asked = sentinel.send('', ['SENTINEL', 'get-master-addr-by-name', address.master]);
        const answer = (await inTime(asked, () => undefined)) as [string, string] | null;
        if (answer !== null) return { host: answer[0], port: Number(answer[1]) };
        failed = new Error('The sentinels know no master of this name.');
      } finally {
        sentinel.destroy();
      }
    } catch (error) {
      failed = error; // The next may know.
    }
  }
  throw failed;
}

/** States that pass by themselves: a failover, a start, a replica that was a master when it was asked. */
const PASSING = /^(?:CLUSTERDOWN|MASTERDOWN|LOADING|READONLY|TRYAGAIN|MOVED|ASK|BUSY|UNBLOCKED)\b/;

/** What the server says stays as it is, unless it passes; everything else means that it could not be asked. */
function thrown(error: unknown, ErrorReply: new () => Error): never {
  if (error instanceof ErrorReply && !PASSING.test(error.message)) throw error;
  throw new RedisAway(error instanceof Error ? error.message : String(error));
}

function common(username: string | undefined, password: string | undefined) {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    name: 'turnpike',
    disableOfflineQueue: true,
    commandsQueueMaxLength: QUEUE_MAX,
    maintNotifications: 'disabled',
    // Who sends has a deadline; a second timer for each command costs a quarter of its processor time.
    commandOptions: { timeout: 0 },
  } as const;
}

function socketOf(isTls: boolean) {
  return { connectTimeout: CONNECT_MS, ...(isTls ? { tls: true as const } : {}) };
}

/** A server that takes the connection and then says nothing is none. */
async function inTime<T>(promise: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`It did not answer within ${CONNECT_MS} ms.`)), CONNECT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } catch (error) {
    giveUp();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
