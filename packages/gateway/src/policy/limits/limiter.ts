import type { LimitRule } from '../../config/limit-rule.ts';
import type { Endpoint } from '../../config/snapshot.ts';
import type { QuotaNode } from '../../quota/quota-node.ts';
import type { Timers } from '../../quota/timers.ts';
import { monotonicMs } from '../../runtime/clock.ts';
import type { Caller } from '../caller.ts';
import { sha256Hex } from '../identify.ts';
import { RuleIndex, type RulesOfCaller } from '../rule-index.ts';
import { conditionsOf, type RuleSubject } from '../rule-scope.ts';
import { Admission, type Hold } from './admission.ts';
import { type CompiledRule, labelOf, metersOf } from './compiled-rule.ts';
import { Meters, type Share } from './meters.ts';
import { type Refusal, refusalOf, tooLarge } from './refusal.ts';
import { takeShared } from './shared-admission.ts';
import { SharedMeter } from './shared-meter.ts';
import { type Shortfall, shortfallsOf } from './shortfall.ts';
import { type TokenCost, weightOf } from './token-cost.ts';
import { type Patience, type Verdict, Waiter } from './waiter.ts';
import { WaitingRoom } from './waiting-room.ts';

/** The rules a caller's exchanges have to pass, and what they need to know. */
export interface CallerRules extends RulesOfCaller<CompiledRule>, RulesByTime {}

export interface RulesByTime {
  readonly exchange: readonly CompiledRule[];
  /** Those about a provider: asked for each attempt. */
  readonly attempt: readonly CompiledRule[];
  /** Has one of the exchange's a queue? */
  readonly mayWait: boolean;
}

/** What {@link Limiter.admit} may be asked beside. */
export interface AdmitOptions {
  /** How it may wait where rules have queues; absent: not at all. Asked for when it has to. */
  readonly patience?: () => Patience;
  /** Since when it waits already. */
  readonly sinceMs?: number;
}

export interface LimiterOptions {
  /** Absent: this process is the only one. */
  readonly quota?: QuotaNode | undefined;
  /**
   * Monotonic milliseconds. Should it go back all the same, time stands still until it has caught up. Where processes
   * count together, it is theirs: Unix time.
   */
  readonly clock?: () => number;
  readonly timers?: Timers;
}

type LazyCost = () => TokenCost | undefined;

/**
 * Counts what is admitted against the rules in force. State is in memory and outlives a change of rules: a rule that
 * differs from an earlier one in its amount at most goes on from that one's counts. Where there is a {@link QuotaNode},
 * the processes of a fleet count together.
 */
export class Limiter {
  readonly #clock: () => number;
  readonly #quota: QuotaNode | undefined;
  readonly #room: WaitingRoom;
  readonly #nowMs = () => this.now();
  #latestMs = Number.NEGATIVE_INFINITY;
  #rules: readonly CompiledRule[] = [];
  #index = new RuleIndex<CompiledRule>([]);
  #meters = new Map<string, Meters>();
  readonly #endpointMeters = new Map<string, Meters>();
  #sharesByEndUser = false;
  #ofCaller = new WeakMap<Caller, CallerRules>();
  readonly #ofEndpoint = new WeakMap<Endpoint, readonly CompiledRule[]>();

  constructor({ quota, clock = quota === undefined ? monotonicMs : () => quota.now(), timers }: LimiterOptions = {}) {
    this.#quota = quota;
    this.#clock = clock;
    this.#room = new WaitingRoom({
      now: this.#nowMs,
      take: (holds) => this.#take(holds),
      timers,
      isAlone: quota === undefined,
    });
  }

  /** Milliseconds of the clock that admissions and their readings go by. */
  now(): number {
    this.#latestMs = Math.max(this.#latestMs, this.#clock());
    return this.#latestMs;
  }

  /** Puts rules in force, in place of those before. */
  apply(rules: readonly LimitRule[]): void {
    const kept = new Map<string, Meters>();
    this.#rules = rules.map((rule) => {
      const id = freeId(identityOf(rule), kept);
      const meters = this.#meters.get(id) ?? this.#newMeters(rule, id, rule.each.length > 0);
      kept.set(id, meters);
      const conditions = conditionsOf(rule, false);
      const isOne = conditions.length + rule.each.length === 0;
      return { rule, label: labelOf(rule), meters, conditions, each: rule.each, isOne };
    });
    this.#meters = kept;
    this.#index = new RuleIndex(this.#rules);
    this.#ofCaller = new WeakMap();
    this.#sharesByEndUser = rules.some(({ queue }) => queue?.by === 'end-user');
    for (const waiter of this.#room.clear()) waiter.again();
  }

  /** Refuses those that wait, and those that would have to: `shutting_down`. */
  close(): void {
    this.#room.close();
  }

  /** Undefined when no rule concerns the caller: the usual case, and one lookup. */
  rulesOf(caller: Caller): CallerRules | undefined {
    if (this.#rules.length === 0) return undefined;
    let found = this.#ofCaller.get(caller);
    if (found === undefined) {
      const of = this.#index.of(caller);
      found = { ...of, ...sorted(of.rules), needsEndUser: of.needsEndUser || this.#sharesByEndUser };
      this.#ofCaller.set(caller, found);
    }
    return found.rules.length === 0 && !found.needsEndUser && !found.needsTags ? undefined : found;
  }

  /** The rules of one request: those of its caller, and those that name its end user or one of its tags. */
  rulesFor(of: CallerRules, { caller, endUser, tags }: RuleSubject): RulesByTime {
    const found = this.#index.ofRequest(caller, of.rules, endUser, tags);
    return found === of.rules ? of : sorted(found);
  }

  /** An endpoint's own limits; undefined when it has none. */
  rulesOfEndpoint(endpoint: Endpoint): readonly CompiledRule[] | undefined {
    if (endpoint.limits.length === 0) return undefined;
    let found = this.#ofEndpoint.get(endpoint);
    if (found === undefined) {
      found = endpoint.limits.map((rule, index) => this.#compileForEndpoint(rule, index, endpoint.id));
      this.#ofEndpoint.set(endpoint, found);
    }
    return found;
  }

  /**
   * Admits by all rules together, or by none. A promise only when it has to wait for its turn, or when several processes
   * count together and what this one may admit without asking is used.
   *
   * @param cost Asked for when a rule counts tokens. Undefined for what takes none: such rules do not count it.
   * @throws Fault (the promise rejects) `client_gone` and `shutting_down`, while it waits.
   */
  admit(
    rules: readonly CompiledRule[],
    subject: RuleSubject,
    cost: LazyCost,
    options: AdmitOptions = AT_ONCE,
  ): Admission | Refusal | Promise<Admission | Refusal> {
    const request = { holds: this.#holds(rules, subject, cost), subject, cost };
    const { holds } = request;
    if (options.patience !== undefined && holds.some(isWaitedFor)) return this.#join(request, options);
    const verdict = this.#take(holds);
    if (verdict instanceof Admission) return verdict;
    if (verdict instanceof Promise) return verdict.then((verdict) => this.#answer(request, verdict, options));
    return this.#answer(request, verdict, options);
  }

  /** Others wait for the same: it does not pass them. */
  #join(request: WaitingRequest, options: AdmitOptions): Refusal | Promise<Admission | Refusal> {
    const { holds } = request;
    const nowMs = this.now();
    if (this.#quota === undefined && shortfallsOf(holds.filter(isHard), nowMs).length > 0) {
      return refusalOf(holds, shortfallsOf(holds, nowMs), nowMs);
    }
    return this.#wait(request, options);
  }

  #answer(
    request: WaitingRequest,
    verdict: Verdict,
    options: AdmitOptions,
  ): Admission | Refusal | Promise<Admission | Refusal> {
    if (verdict instanceof Admission) return verdict;
    if (options.patience !== undefined && verdict.every(isWorthWaiting)) return this.#wait(request, options);
    return refusalOf(request.holds, verdict, this.now());
  }

  #wait({ holds, subject, cost }: WaitingRequest, options: AdmitOptions): Promise<Admission | Refusal> {
    const { sinceMs = this.now() } = options;
    const patience = options.patience?.();
    if (patience === undefined) throw new Error('What may not wait was to wait.');
    return new Promise((resolve, reject) => {
      const again = () => {
        const found = this.rulesOf(subject.caller);
        const rules = found === undefined ? [] : this.rulesFor(found, subject).exchange;
        resolve(this.admit(rules, subject, cost, { patience: () => patience, sinceMs }));
      };
      const now = this.#nowMs;
      this.#room.enter(new Waiter({ holds, subject, patience, now, sinceMs, resolve, reject, again }));
    });
  }

  /** What {@link admit} would refuse now; counts nothing. Where processes count together, only what will never fit. */
  refusal(rules: readonly CompiledRule[], subject: RuleSubject, cost: LazyCost): Refusal | undefined {
    const holds = this.#holds(rules, subject, cost);
    if (this.#quota !== undefined) return tooLarge(holds);
    const shortfalls = shortfallsOf(holds, this.now());
    return shortfalls.length === 0 ? undefined : refusalOf(holds, shortfalls, this.now());
  }

  #take(holds: readonly Hold[]): Verdict | Promise<Verdict> {
    if (this.#quota !== undefined) return this.#takeShared(holds);
    const nowMs = this.now();
    const shortfalls = shortfallsOf(holds, nowMs);
    if (shortfalls.length > 0) return shortfalls;
    for (const hold of holds) {
      const { log } = hold.meter;
      if (log === undefined) hold.meter.inFlight++;
      else hold.atMs = log.add(nowMs, hold.weight);
    }
    return new Admission(holds, this.#nowMs);
  }

  #takeShared(holds: readonly Hold[]): Verdict | Promise<Verdict> {
    const large = holds.find(({ weight, compiled }) => weight > compiled.rule.amount);
    if (large !== undefined) return [{ hold: large, reason: 'full', fitsAtMs: 0 }];
    const admitted = (shortfalls: readonly Shortfall[]): Verdict =>
      shortfalls.length === 0 ? new Admission(holds, this.#nowMs) : shortfalls;
    const shortfalls = takeShared(holds, this.#nowMs);
    return shortfalls instanceof Promise ? shortfalls.then(admitted) : admitted(shortfalls);
  }

  #holds(rules: readonly CompiledRule[], subject: RuleSubject, cost: LazyCost): Hold[] {
    const holds: Hold[] = [];
    for (const compiled of rules) {
      const weight = weightOf(compiled.rule, cost);
      if (weight === undefined) continue;
      if (compiled.isOne) holds.push({ compiled, meter: compiled.meters.of(''), weight, atMs: 0, untilMs: 0 });
      else
        for (const meter of metersOf(compiled, subject)) holds.push({ compiled, meter, weight, atMs: 0, untilMs: 0 });
    }
    return holds;
  }

  #compileForEndpoint(rule: LimitRule, index: number, endpointId: string): CompiledRule {
    const id = `${identityOf(rule)}#${index}`;
    let meters = this.#endpointMeters.get(id);
    if (meters === undefined) {
      meters = this.#newMeters(rule, `endpoint ${id}`, true);
      this.#endpointMeters.set(id, meters);
    }
    return {
      rule,
      label: labelOf(rule, endpointId),
      meters,
      conditions: [],
      each: [],
      isOne: false,
      instance: endpointId,
    };
  }

  #newMeters({ measure, windowMs }: LimitRule, id: string, isEach: boolean): Meters {
    const quota = this.#quota;
    if (quota === undefined) return new Meters(measure, windowMs, isEach);
    const account = `l:${sha256Hex(id).slice(0, 16)}:`;
    const share: Share = (meter, instance) => new SharedMeter(quota, account + instance, measure, meter);
    return new Meters(measure, windowMs, isEach, share);
  }
}

function sorted(rules: readonly CompiledRule[]): RulesByTime {
  const isOfAttempt = ({ rule }: CompiledRule) => rule.scope.provider !== undefined || rule.each.includes('provider');
  const exchange = rules.filter((compiled) => !isOfAttempt(compiled));
  return {
    exchange,
    attempt: rules.filter(isOfAttempt),
    mayWait: exchange.some(({ rule }) => rule.queue !== undefined),
  };
}

const AT_ONCE: AdmitOptions = {};

/** A request that may have to wait. */
interface WaitingRequest {
  readonly holds: readonly Hold[];
  readonly subject: RuleSubject;
  readonly cost: LazyCost;
}

function isWaitedFor({ meter }: Hold): boolean {
  return meter.line !== undefined;
}

function isWorthWaiting({ hold, reason, fitsAtMs }: Shortfall): boolean {
  return !isHard(hold) && reason === 'full' && fitsAtMs !== 0;
}

/** What it refuses is refused at once. */
function isHard({ compiled }: Hold): boolean {
  return compiled.rule.queue === undefined;
}

/** What makes a rule the same over a change of configuration: all but its amount. */
function identityOf({ measure, windowMs, scope, each }: LimitRule): string {
  const scopes = Object.entries(scope).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([measure, windowMs, scopes, [...each].sort()]);
}

function freeId(identity: string, taken: ReadonlyMap<string, unknown>): string {
  let id = identity;
  for (let number = 2; taken.has(id); number++) id = `${identity}#${number}`;
  return id;
}
