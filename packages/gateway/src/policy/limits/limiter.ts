import type { LimitRule } from '../../config/limit-rule.ts';
import type { Endpoint } from '../../config/snapshot.ts';
import type { QuotaNode } from '../../quota/quota-node.ts';
import { monotonicMs } from '../../runtime/clock.ts';
import type { Caller } from '../caller.ts';
import { sha256Hex } from '../identify.ts';
import { RuleIndex, type RulesOfCaller } from '../rule-index.ts';
import { conditionsOf, type RuleSubject } from '../rule-scope.ts';
import { Admission, type Hold } from './admission.ts';
import { type CompiledRule, labelOf, metersOf } from './compiled-rule.ts';
import { Meters, type Share } from './meters.ts';
import { type Refusal, refusalOf, tooLarge } from './refusal.ts';
import { type SharedRefusal, takeShared } from './shared-admission.ts';
import { SharedMeter } from './shared-meter.ts';
import { type TokenCost, weightOf } from './token-cost.ts';

/** The rules a caller's exchanges have to pass, and what they need to know. */
export interface CallerRules extends RulesOfCaller<CompiledRule>, RulesByTime {}

export interface RulesByTime {
  readonly exchange: readonly CompiledRule[];
  /** Those about a provider: asked for each attempt. */
  readonly attempt: readonly CompiledRule[];
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
  #latestMs = Number.NEGATIVE_INFINITY;
  #rules: readonly CompiledRule[] = [];
  #index = new RuleIndex<CompiledRule>([]);
  #meters = new Map<string, Meters>();
  readonly #endpointMeters = new Map<string, Meters>();
  #ofCaller = new WeakMap<Caller, CallerRules>();
  readonly #ofEndpoint = new WeakMap<Endpoint, readonly CompiledRule[]>();

  /**
   * @param quota Absent: this process is the only one.
   * @param clock Monotonic milliseconds. Should it go back all the same, time stands still until it has caught up. Where
   * processes count together, it is theirs: Unix time.
   */
  constructor(quota?: QuotaNode, clock: () => number = quota === undefined ? monotonicMs : () => quota.now()) {
    this.#quota = quota;
    this.#clock = clock;
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
      return { rule, label: labelOf(rule), meters, conditions: conditionsOf(rule, false), each: rule.each };
    });
    this.#meters = kept;
    this.#index = new RuleIndex(this.#rules);
    this.#ofCaller = new WeakMap();
  }

  /** Undefined when no rule concerns the caller: the usual case, and one lookup. */
  rulesOf(caller: Caller): CallerRules | undefined {
    if (this.#rules.length === 0) return undefined;
    let found = this.#ofCaller.get(caller);
    if (found === undefined) {
      const of = this.#index.of(caller);
      found = { ...of, ...sorted(of.rules) };
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
   * Admits by all rules together, or by none. A promise only when several processes count together and what this one may
   * admit without asking is used.
   *
   * @param cost Asked for when a rule counts tokens. Undefined for what takes none: such rules do not count it.
   */
  admit(
    rules: readonly CompiledRule[],
    subject: RuleSubject,
    cost: LazyCost,
  ): Admission | Refusal | Promise<Admission | Refusal> {
    const holds = this.#holds(rules, subject, cost);
    if (this.#quota !== undefined) return this.#admitShared(holds);
    const nowMs = this.now();
    const refusal = this.#judge(holds, nowMs);
    if (refusal !== undefined) return refusal;
    for (const hold of holds) {
      const { log } = hold.meter;
      if (log === undefined) hold.meter.inFlight++;
      else hold.atMs = log.add(nowMs, hold.weight);
    }
    return new Admission(holds, () => this.now());
  }

  /** What {@link admit} would refuse now; counts nothing. Where processes count together, only what will never fit. */
  refusal(rules: readonly CompiledRule[], subject: RuleSubject, cost: LazyCost): Refusal | undefined {
    const holds = this.#holds(rules, subject, cost);
    return this.#quota === undefined ? this.#judge(holds, this.now()) : tooLarge(holds);
  }

  #admitShared(holds: readonly Hold[]): Admission | Refusal | Promise<Admission | Refusal> {
    const refusal = tooLarge(holds);
    if (refusal !== undefined) return refusal;
    const refusals = takeShared(holds, () => this.now());
    if (refusals instanceof Promise) return refusals.then((refusals) => this.#verdict(holds, refusals));
    return this.#verdict(holds, refusals);
  }

  #verdict(holds: readonly Hold[], refusals: readonly SharedRefusal[]): Admission | Refusal {
    return refusals.length === 0 ? new Admission(holds, () => this.now()) : refusalOf(holds, refusals, this.now());
  }

  #holds(rules: readonly CompiledRule[], subject: RuleSubject, cost: LazyCost): Hold[] {
    const holds: Hold[] = [];
    for (const compiled of rules) {
      const weight = weightOf(compiled.rule, cost);
      if (weight === undefined) continue;
      for (const meter of metersOf(compiled, subject)) holds.push({ compiled, meter, weight, atMs: 0, untilMs: 0 });
    }
    return holds;
  }

  #judge(holds: readonly Hold[], nowMs: number): Refusal | undefined {
    let worst: Hold | undefined;
    let freeAtMs = nowMs;
    let isBusy = false;
    for (const hold of holds) {
      const { compiled, meter, weight } = hold;
      const { amount } = compiled.rule;
      if (meter.log === undefined) {
        if (meter.inFlight + weight <= amount) continue;
        isBusy = true;
        worst ??= hold;
        continue;
      }
      const fitsAtMs = meter.log.fitsAtMs(nowMs, weight, amount);
      if (fitsAtMs <= freeAtMs) continue;
      worst = hold;
      freeAtMs = fitsAtMs;
    }
    if (worst === undefined) return undefined;
    const reason = freeAtMs === Number.POSITIVE_INFINITY ? 'never' : freeAtMs > nowMs ? 'wait' : isBusy && 'busy';
    return {
      type: 'refusal',
      label: worst.compiled.label,
      used: worst.meter.log?.used(nowMs) ?? worst.meter.inFlight,
      weight: worst.weight,
      reason: reason || 'busy',
      retryAfterMs: freeAtMs - nowMs,
      standings: holds,
    };
  }

  #compileForEndpoint(rule: LimitRule, index: number, endpointId: string): CompiledRule {
    const id = `${identityOf(rule)}#${index}`;
    let meters = this.#endpointMeters.get(id);
    if (meters === undefined) {
      meters = this.#newMeters(rule, `endpoint ${id}`, true);
      this.#endpointMeters.set(id, meters);
    }
    return { rule, label: labelOf(rule, endpointId), meters, conditions: [], each: [], instance: endpointId };
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
  return { exchange: rules.filter((compiled) => !isOfAttempt(compiled)), attempt: rules.filter(isOfAttempt) };
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
