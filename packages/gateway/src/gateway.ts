import type { AdminApi } from './admin/admin-api.ts';
import type { AdminHouse } from './admin/admin-context.ts';
import type { AdminKey } from './admin-key.ts';
import { buildSnapshot, wantsSandbox } from './config/build.ts';
import { type Configuration, type Environment, emptyConfiguration } from './config/configuration.ts';
import type { LoadOptions } from './config/load.ts';
import { renderProblem } from './config/problem.ts';
import type { Snapshot } from './config/snapshot.ts';
import { withStoredModels } from './config/stored-models.ts';
import { type ConfigurationWatch, watchConfiguration } from './config/watch.ts';
import type { Faces } from './faces/faces.ts';
import type { FleetSeat, SharedSandbox } from './fleet/seat.ts';
import { type Address, type Listener, listen } from './http/listen.ts';
import type { Identity } from './identity/start-identity.ts';
import { TokenVerifier } from './identity/token-verifier.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { GoneJournal } from './ledger/recover.ts';
import { recoverEarlier } from './ledger/recover-earlier.ts';
import { Retention } from './ledger/retention.ts';
import { BoundedNames } from './pipeline/bounded-names.ts';
import { ActiveExchanges, type ManagementFace, type Services } from './pipeline/services.ts';
import { budgetAlert } from './policy/budgets/budget-alert.ts';
import type { Budgets } from './policy/budgets/budgets.ts';
import { hoursNeeded } from './policy/budgets/hours-needed.ts';
import { settleGone } from './policy/budgets/unreported-charges.ts';
import { KeyTable } from './policy/identify.ts';
import { AuthorityUnreachable, type QuotaAuthority } from './quota/authority.ts';
import { QuotaNode } from './quota/quota-node.ts';
import type { Fleet } from './redis/join-fleet.ts';
import { RulesInForce } from './rules-in-force.ts';
import { Alarms } from './runtime/alarm.ts';
import { nowMs } from './runtime/clock.ts';
import { IdleCollect } from './runtime/idle-collect.ts';
import { Reachability } from './runtime/reachable.ts';
import type { Store } from './store/store.ts';
import { AlertSender } from './telemetry/alert-sender.ts';
import { ExchangeLog } from './telemetry/exchange-log.ts';
import type { Log } from './telemetry/log.ts';

export interface GatewayOptions {
  /** A turnpike.yaml or LiteLLM config.yaml. Absent: `turnpike.yaml` in the working folder, if there is one. */
  configFile?: string | undefined;
  /** 0 takes a free port. Absent: the configuration's, else 4000. */
  port?: number | undefined;
  host?: string | undefined;
  environment: Environment;
  /** Default: lines on stderr. */
  log?: Log;
  /** Where several processes agree on what is left of their budgets, unless `REDIS_URL` says where. It stays its maker's. */
  authority?: QuotaAuthority | undefined;
  /** Its place among processes that serve one port together; brings an authority of its own. */
  seat?: FleetSeat | undefined;
  /** See {@link Address}. */
  shared?: Address['shared'];
}

/** At a stop, answers that are ready are given so long to leave. */
const WRITE_WAIT_MS = 1_000;
/** A start waits at most so long for the journal of an earlier run; the rest goes on behind the traffic. */
const RECOVERY_WAIT_MS = 5_000;
/** A parent that is gone is known to be gone at once; one that is slow is only busy. */
const PARENT_REPLY_MS = 1_000;

export interface GatewayParts {
  options: GatewayOptions;
  log: Log;
  store: Store;
  admin: AdminKey;
  identity: Identity;
  ledger: Ledger;
  fleet: Fleet | undefined;
  node: string | undefined;
  report: readonly string[];
}

/** A running gateway. */
export class Gateway {
  readonly adminKey: AdminKey;
  readonly store: Store;
  /** What was noticed while reading the configuration: one line each, no secrets. */
  readonly report: readonly string[];
  readonly #options: GatewayOptions;
  readonly #log: Log;
  readonly #exchangeLog: ExchangeLog;
  readonly #identity: Identity;
  readonly #ledger: Ledger;
  readonly #fleet: Fleet | undefined;
  #adminApi: Promise<AdminApi> | undefined;
  #faces: Promise<Faces> | undefined;
  readonly #active = new ActiveExchanges();
  readonly #names = new BoundedNames((kind) =>
    this.#log.warn('More names came in a day than the ledger tells apart; the others are summed together.', { kind }),
  );
  readonly #rules: RulesInForce;
  readonly #alerts: AlertSender;
  readonly #retention: Retention;
  readonly #quota: QuotaNode | undefined;
  #services: Services | undefined;
  #tokens: TokenVerifier | undefined;
  #listener: Listener | undefined;
  #sandbox: (SharedSandbox & { stop?: () => Promise<void> }) | undefined;
  #watch: ConfigurationWatch | undefined;
  #idleCollect: IdleCollect | undefined;
  #version = 0;
  #configuration: Configuration = emptyConfiguration;
  #turn: Promise<void> = Promise.resolve();

  constructor({ options, log, store, admin, identity, ledger, fleet, node, report }: GatewayParts) {
    this.#ledger = ledger;
    this.#fleet = fleet;
    this.#identity = identity;
    this.#options = options;
    this.#log = log;
    this.store = store;
    this.adminKey = admin;
    this.report = report;
    this.#exchangeLog = new ExchangeLog(store, { log });
    this.#alerts = new AlertSender({ log, now: nowMs, claim: (...claim) => store.claimOnce(...claim) });
    this.#quota = quotaNode(options, node, fleet?.authority, (error) =>
      log.error('A shared budget or limit could not be asked.', { error: String(error) }),
    );
    options.seat?.take({
      journalPlace: () => ledger.journalPlace,
      catchUp: () => identity.follow.catchUp(),
      recover: async () => void (await ledger.recover()),
    });
    this.#rules = new RulesInForce({
      store,
      ledger,
      stored: identity.rules,
      log,
      quota: this.#quota,
      onAlert: (alert) => this.#alerts.send(budgetAlert(alert)),
      renew: () => this.#inTurn(() => this.#rules.put(this.snapshot)),
    });
    this.#retention = new Retention({
      store,
      log,
      settings: () => this.#configuration.retention,
      hoursNeeded: () => hoursNeeded(this.budgets.inForce, this.budgets.now()),
    });
  }

  /** To be called once. @throws StartError when the port cannot be had. */
  async open(configuration: Configuration, host: string, port: number): Promise<void> {
    // What an earlier run left behind counts before anything new does, unless there is very much of it. The first worker
    // waits for those of a parent that was killed, too.
    await recoverEarlier(this.#ledger, RECOVERY_WAIT_MS, this.#options.shared === 'first');
    const ready = this.#putInForce(configuration);
    // In its turn after the first: a change of another process in between is not lost.
    this.#identity.rules.onChange(() => this.#inTurn(() => this.#rules.put(this.snapshot)));
    this.#fleet?.onChange(() => void this.#identity.follow.look());
    for (const stored of [this.#identity.vault, this.#identity.shelf]) {
      stored.onChange(() => this.#inTurn(() => this.#build(this.#configuration)));
    }
    this.#identity.follow.onEntries((ids) => this.#inTurn(() => this.#rules.enterByHand(ids)));
    await ready;
    if (this.#fleet !== undefined) {
      // What a journal has is held against budgets: it could not be before there were any, nor without Redis.
      void this.#ledger.recover();
      this.#fleet.onReturn(() => void this.#ledger.recover());
    }
    this.#listener = listen(() => this.#inForce(), { host, port, shared: this.#options.shared });
    this.#watch = watchConfiguration({
      load: loadOptions(this.#options),
      configuration,
      build: { version: this.#version },
      onSnapshot: (_snapshot, changed, report) => void this.#change(changed, report),
      onProblems: (problems) =>
        this.#log.error('The configuration was not changed: the new one is wrong.', {
          problems: problems.map(renderProblem).join('\n'),
        }),
    });
    this.#retention.start();
    this.#idleCollect = new IdleCollect(() => this.#active.count > 0);
  }

  /** What is spent and held of each budget. */
  get budgets(): Budgets {
    return this.#rules.budgets;
  }

  get url(): string {
    return this.#listener?.url ?? '';
  }

  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** The configuration in force now. */
  get snapshot(): Snapshot {
    return this.#inForce().snapshot;
  }

  /** Exchanges under way. */
  get activeCount(): number {
    return this.#active.count;
  }

  /** Reads the configuration again. A wrong one changes nothing; what is wrong with it is logged. */
  async reload(): Promise<void> {
    await this.#watch?.reload();
  }

  /** Writes what is waiting for the log, and for the ledger's tables. */
  async flush(): Promise<void> {
    await this.#exchangeLog.flush();
    await this.#ledger.flush();
  }

  /** Stops accepting, lets streams end up to `server.shutdownGraceMs`, writes what is left, and closes. */
  async stop(graceMsMax = Number.POSITIVE_INFINITY): Promise<void> {
    const graceMs = Math.min(this.snapshot.server.shutdownGraceMs, graceMsMax);
    this.#watch?.close();
    this.#idleCollect?.stop();
    this.#rules.stop();
    this.#active.isStopping = true;
    // Nothing was sent for those that wait: they are served sooner elsewhere.
    this.#rules.limiter.close();
    const closed = this.#listener?.close();
    const left = await this.#active.drained(graceMs);
    if (left > 0) this.#log.warn('Streams were cut: the grace time is over.', { streams: left });
    // The last answers are settled, and may not have left.
    if (left === 0) await this.#listener?.written(WRITE_WAIT_MS);
    this.#listener?.cut();
    await closed;
    await this.#sandbox?.stop?.();
    await this.#quota?.close();
    await this.#fleet?.close();
    await this.#identity.follow.stop();
    await this.#alerts.close();
    await this.#retention.stop();
    await this.#exchangeLog.close();
    await this.#ledger.close();
    await this.store.close();
  }

  /** Tells the fleet's authority what a process that is gone had spent. False: when this one has rules to go by. */
  async settleGone(journal: GoneJournal): Promise<boolean> {
    const authority = this.#fleet?.authority ?? this.#options.seat;
    if (authority === undefined) return true;
    try {
      return await settleGone(authority, journal, this.#services && this.budgets.inForce);
    } catch (error) {
      if (error instanceof AuthorityUnreachable) return false;
      throw error;
    }
  }

  async #change(configuration: Configuration, report: readonly string[]): Promise<void> {
    try {
      await this.#putInForce(configuration);
    } catch (error) {
      // What a new budget starts from could not be read: without it the budget would be a wrong one.
      this.#log.error('The configuration was not changed.', { error: error instanceof Error ? error : String(error) });
      return;
    }
    this.#log.info('The configuration was read again.', { version: this.#version });
    for (const line of report) this.#log.info(line);
  }

  #putInForce(configuration: Configuration): Promise<void> {
    return this.#inTurn(() => this.#build(configuration));
  }

  /** Rules are put in force by one at a time, so that none goes by what another is about to replace. */
  #inTurn(put: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(put);
    this.#turn = done.catch(() => undefined); // Told to who asked.
    return done;
  }

  /** @param own What the files say; what the database has is added. */
  async #build(own: Configuration): Promise<void> {
    const configuration = withStoredModels(own, this.#identity.shelf.models, (line) =>
      this.#log.warn('A stored model is not in force as it stands.', { problem: line }),
    );
    const { environment } = this.#options;
    const isWanted = wantsSandbox(configuration, environment);
    if (isWanted) this.#sandbox ??= await this.#startSandbox();
    const snapshot = buildSnapshot(configuration, environment, {
      version: ++this.#version,
      credentials: (name) => this.#identity.vault.shared(name),
      ...(isWanted && this.#sandbox && { sandboxUrl: this.#sandbox.url, sandboxModels: this.#sandbox.models }),
    });
    this.#log.secrets.add(snapshot.endpoints.map(({ credential }) => credential));
    this.#log.secrets.add([snapshot.alertWebhook?.secret]);
    await this.#rules.put(snapshot);
    this.#ledger.configure(snapshot.ledger);
    this.#alerts.configure(snapshot.alertWebhook);
    this.#configuration = own;
    this.#identity.directory.configureGroups(snapshot.modelGroups);
    this.#identity.directory.configureIssuers(snapshot.jwtIssuers);
    this.#services = {
      ledger: this.#ledger,
      names: this.#names,
      endUsers: this.#identity.directory,
      vault: this.#identity.vault,
      hide: (secrets) => this.#log.secrets.addPassing(secrets),
      limiter: this.#rules.limiter,
      budgets: this.budgets,
      markups: this.#rules.markups,
      alarms: this.#services?.alarms ?? new Alarms(),
      reachability: this.#services?.reachability ?? new Reachability(),
      active: this.#active,
      random: Math.random,
      onDefect: (error, exchange) =>
        this.#log.error('An exchange failed for a reason of ours.', {
          exchange,
          error: error instanceof Error ? error : String(error),
        }),
      record: (row) => this.#exchangeLog.add(row),
      snapshot,
      admin: (request, address) => this.#answerAdmin(request, address),
      management: (face, request, address) => this.#answerFace(face, request, address),
      keys: this.#keyTable(snapshot),
    };
  }

  async #startSandbox(): Promise<SharedSandbox & { stop?: () => Promise<void> }> {
    const { seat } = this.#options;
    if (seat !== undefined) return seat.sandbox();
    const { startOwnSandbox } = await import('./own-sandbox.ts');
    return startOwnSandbox();
  }

  /** Loaded by the first who asks: schemas take memory that mere traffic does without. */
  async #answerAdmin(request: Request, address: () => string | undefined): Promise<Response> {
    this.#adminApi ??= import('./admin/admin-api.ts').then(({ AdminApi }) => new AdminApi(this.#adminHouse()));
    return (await this.#adminApi).answer(request, address);
  }

  async #answerFace(face: ManagementFace, request: Request, address: () => string | undefined): Promise<Response> {
    this.#faces ??= import('./faces/faces.ts').then(({ Faces }) => new Faces(this.#adminHouse()));
    return (await this.#faces).answer(face, request, address);
  }

  #adminHouse(): AdminHouse {
    return {
      store: this.store,
      ...this.#identity,
      announce: async () => {
        this.#fleet?.tellChange();
        await this.#options.seat?.announce();
      },
      snapshot: () => this.snapshot,
      configuration: () => this.#configuration,
      keys: () => this.#inForce().keys,
      log: this.#log,
      budgets: this.budgets,
      retention: this.#retention,
      flushLogs: () => this.flush(),
    };
  }

  #keyTable(snapshot: Snapshot): KeyTable {
    const { jwtIssuers, cutOffMaxMs } = snapshot;
    // Kept over reloads that do not touch it, with the tokens and keys it knows.
    if (jwtIssuers.length === 0) this.#tokens = undefined;
    else if (!Bun.deepEquals(this.#tokens?.issuers, jwtIssuers)) {
      this.#tokens = new TokenVerifier(jwtIssuers, this.#identity.directory);
    }
    const { directory, follow } = this.#identity;
    const isStale = cutOffMaxMs === undefined ? undefined : () => follow.unheardForMs > cutOffMaxMs;
    const table = new KeyTable(directory, this.#tokens, isStale);
    table.holdTo(snapshot.policy);
    for (const key of snapshot.keys) table.add(key.sha256, key);
    // The configuration's own admin key is among its keys: when the file changes it, the old one is void.
    if (this.adminKey.source !== 'configuration') table.add(this.adminKey.sha256, { name: 'admin', isAdmin: true });
    return table;
  }

  #inForce(): Services {
    if (this.#services === undefined) throw new Error('The gateway was used before it was opened.');
    return this.#services;
  }
}

/** Whoever is alone shares with nobody. What several machines share goes before what is shared on one of them. */
function quotaNode(
  { seat, authority }: GatewayOptions,
  node: string | undefined,
  farther: QuotaAuthority | undefined,
  onError: (error: unknown) => void,
): QuotaNode | undefined {
  if (farther !== undefined) return new QuotaNode({ authority: farther, ...(node !== undefined && { node }), onError });
  if (seat === undefined) return authority && new QuotaNode({ authority, onError });
  return new QuotaNode({ authority: seat.authority, node: seat.node, replyMs: PARENT_REPLY_MS, onError });
}

export function loadOptions({ configFile, environment }: GatewayOptions): LoadOptions {
  return configFile === undefined ? { environment } : { environment, file: configFile };
}
