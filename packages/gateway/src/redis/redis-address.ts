/** Where a Redis or Valkey is, and how it may be shown: without user, password and options. */
export interface RedisAddress {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  /** The server; some nodes of the cluster; the sentinels. At least one. */
  readonly hosts: readonly RedisHost[];
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Of the sentinels themselves, where they ask for one. */
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  /** Number of the database; 0 in a cluster. */
  readonly database: number;
  /** What the sentinels call the server; empty elsewhere. */
  readonly master: string;
  /** In front of all keys and channels. */
  readonly prefix: string;
  readonly label: string;
}

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

const PREFIX_DEFAULT = 'turnpike';
const OPTIONS = ['prefix', 'sentinelUsername', 'sentinelPassword'];
const FORMS =
  'redis://user:password@host:6379/0, redis+cluster://host:6379,host:6379 or ' +
  'redis+sentinel://host:26379,host:26379/master/0; rediss in place of redis for TLS';

/**
 * Reads `REDIS_URL`.
 *
 * @throws RangeError that says what is wrong with it and does not repeat it: it may hold a password.
 */
export function redisAddress(url: string): RedisAddress {
  const parts =
    /^(redis|valkey)(s?)(?:[+-](cluster|sentinel))?:\/\/(?:([^/?#]*)@)?([^/?#@]+)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(url);
  if (parts === null)
    throw wrong(`must look like ${FORMS}. Characters such as @, / and # in a password are written as %40, %2F and %23`);
  const [, , tls, kind = 'single', login = '', hostList = '', path = '', query = ''] = parts;
  const isSentinel = kind === 'sentinel';
  const hosts = hostList.split(',').map((text) => hostOf(text, isSentinel ? 26_379 : 6_379));
  if (kind === 'single' && hosts.length > 1)
    throw wrong('names several hosts: then it is redis+cluster:// or redis+sentinel://');
  const steps = path
    .split('/')
    .slice(1)
    .filter((step) => step !== '')
    .map(decoded);
  const master = isSentinel ? (steps.shift() ?? '') : '';
  if (isSentinel && master === '') throw wrong('needs the name of the master: redis+sentinel://host:26379/master');
  const database = databaseOf(steps);
  if (kind === 'cluster' && database !== 0) throw wrong('has a database number, and a cluster has only one database');
  const options = optionsOf(query, isSentinel);
  const colon = login.indexOf(':');
  return {
    kind: kind as RedisAddress['kind'],
    hosts,
    isTls: tls === 's',
    username: decoded(colon < 0 ? login : login.slice(0, colon)) || undefined,
    password: colon < 0 ? undefined : decoded(login.slice(colon + 1)) || undefined,
    sentinelUsername: options.get('sentinelUsername') ?? undefined,
    sentinelPassword: options.get('sentinelPassword') ?? undefined,
    database,
    master,
    prefix: prefixOf(options.get('prefix') ?? PREFIX_DEFAULT),
    label: `redis${tls}${kind === 'single' ? '' : `+${kind}`}://${hostList}${path}`,
  };
}

function hostOf(text: string, portDefault: number): RedisHost {
  const parts = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const port = Number(parts?.[2] ?? portDefault);
  if (parts === null || port < 1 || port > 65_535)
    throw wrong('has a host that is none: they are written host:port, with commas between');
  return { host: (parts[1] ?? '').replace(/^\[|\]$/g, ''), port };
}

function databaseOf(steps: readonly string[]): number {
  const [text = '0', ...more] = steps;
  if (more.length > 0 || !/^\d{1,5}$/.test(text))
    throw wrong('may end in the number of a database, and in nothing else');
  return Number(text);
}

function optionsOf(query: string, isSentinel: boolean): URLSearchParams {
  const options = new URLSearchParams(query);
  for (const name of options.keys()) {
    if (!OPTIONS.includes(name)) throw wrong(`has an option that is not known; there are ${OPTIONS.join(', ')}`);
    if (name !== 'prefix' && !isSentinel) throw wrong(`has ${name}, which is for redis+sentinel://`);
  }
  return options;
}

/** Braces choose the slot of a key in a cluster; they are ours. */
function prefixOf(prefix: string): string {
  if (!/^[A-Za-z0-9_.:-]{1,64}$/.test(prefix))
    throw wrong('has a prefix that is not made of 1 to 64 letters, digits, _ . : and -');
  return prefix;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a % that begins no escape: the sign itself is written as %25');
  }
}

function wrong(what: string): RangeError {
  return new RangeError(`The Redis address ${what}.`);
}
