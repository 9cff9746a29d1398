import { adminKey } from './admin-key.ts';
import type { Configuration, Environment } from './config/configuration.ts';
import { loadConfiguration } from './config/load.ts';
import { renderProblem } from './config/problem.ts';
import type { JournalPlace } from './fleet/seat.ts';
import { Gateway, type GatewayOptions, loadOptions } from './gateway.ts';
import { type Identity, startIdentity } from './identity/start-identity.ts';
import type { Ledger } from './ledger/ledger.ts';
import { openLedger } from './ledger/open-ledger.ts';
import type { Fleet } from './redis/join-fleet.ts';
import { StartError } from './start-error.ts';
import { openStore } from './store/open-store.ts';
import { storePlace } from './store/store-place.ts';
import { Log } from './telemetry/log.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
const PORT_DEFAULT = 4000;

/** Builds the house and opens its door. @throws StartError, StoreError */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { environment } = options;
  const log = options.log ?? new Log();
  const { configuration, report } = await load(options);
  const place = storePlace(environment);
  const { dataDir } = place;
  const store = await openStore(place);
  let identity: Identity | undefined;
  let ledger: Ledger | undefined;
  let fleet: Fleet | undefined;
  try {
    const host = options.host ?? configuration.listen.host ?? '127.0.0.1';
    const admin = await adminKey(environment, adminOf(configuration), store);
    if (!LOOPBACK.has(host) && (admin.source === 'generated' || admin.source === 'stored')) {
      throw new StartError(
        `Listening on ${host} demands an explicit admin key: set TURNPIKE_ADMIN_KEY, or adminKey in turnpike.yaml.`,
      );
    }
    identity = await startIdentity({ store, environment, dataDir, log });
    fleet = await fleetOf(environment, log, () => ledger?.journalPlace);
    // Its journal and its leases are found by one name, should it be gone.
    const node = options.seat?.node ?? (fleet && `${process.pid}-${crypto.randomUUID()}`);
    let gateway: Gateway | undefined;
    ledger = openLedger({
      dataDir,
      store,
      log,
      writerName: node,
      onJournal: node === undefined ? undefined : async (journal) => (await gateway?.settleGone(journal)) ?? false,
    });
    gateway = new Gateway({ options, log, store, admin, identity, ledger, fleet, node, report });
    await gateway.open(configuration, host, options.port ?? configuration.listen.port ?? PORT_DEFAULT);
    return gateway;
  } catch (error) {
    await fleet?.close();
    await identity?.follow.stop();
    await ledger?.close();
    await store.close();
    throw error;
  }
}

/** Loaded only where gateways share a Redis. @throws StartError when `REDIS_URL` is no address of one. */
async function fleetOf(
  { REDIS_URL: url }: Environment,
  log: Log,
  journalPlace: () => JournalPlace | undefined,
): Promise<Fleet | undefined> {
  if (url === undefined || url === '') return undefined;
  const { joinFleet } = await import('./redis/join-fleet.ts');
  try {
    return await joinFleet(url, log, journalPlace);
  } catch (error) {
    if (error instanceof RangeError) throw new StartError(error.message);
    throw error;
  }
}

function adminOf(configuration: Configuration): string | undefined {
  return configuration.keys.find(({ isAdmin }) => isAdmin)?.sha256;
}

/** @throws StartError with everything that is wrong with the configuration. */
async function load(options: GatewayOptions): Promise<{ configuration: Configuration; report: readonly string[] }> {
  const loaded = await loadConfiguration(loadOptions(options));
  if (loaded.configuration === undefined) throw new StartError(loaded.problems.map(renderProblem).join('\n'));
  return loaded;
}
