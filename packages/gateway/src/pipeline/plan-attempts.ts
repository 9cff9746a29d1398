import { Fault } from '@turnpike/wire/fault.ts';
import type { Endpoint, ModelRoute } from '../config/snapshot.ts';
import type { Body, Exchange } from '../exchange.ts';
import type { Shortage } from '../policy/budgets/budget-hold.ts';
import { type Caller, mayUse } from '../policy/caller.ts';
import type { Refusal } from '../policy/limits/refusal.ts';
import { type Plan, plan } from '../routing/plan.ts';
import { policyOf, whoMay } from './end-user.ts';
import { budgetFault, shortageAt } from './hold.ts';
import { limitFault, refusalOfEndpoint } from './limit.ts';
import { purseOf } from './own-credentials.ts';
import { barrierAt, reachFault } from './reach.ts';
import type { Services } from './services.ts';

/**
 * Finds the model and its fallbacks and orders what could serve them.
 *
 * @throws Fault `credential_forbidden`, `credential_invalid`, `model_unknown` (with near names), `model_forbidden`,
 * `model_unavailable`, `feature_unsupported`, or `rate_limited`, `budget_spent`, `cost_unbounded` or `price_unknown` when
 * all that could serve it is over its limits or the budgets.
 */
export function planAttempts(services: Services, exchange: Exchange, body: Body): Plan {
  const { snapshot, caller } = exchange;
  const purse = purseOf(services, exchange);
  const asked =
    snapshot.resolveModel(body.model) ?? (purse && snapshot.resolveForOwn(body.model, (id) => purse.has(id)));
  const policy = policyOf(exchange);
  if (caller !== undefined && policy !== undefined && !mayUse({ policy }, body.model)) {
    throw new Fault('model_forbidden', {
      param: 'model',
      message: `${whoMay(exchange, mayUse(caller, body.model))} may not use the model "${body.model}".`,
    });
  }
  if (asked === undefined) throw unknownModel(exchange, body.model);
  const paid = (each: ModelRoute) => purse?.applied(each) ?? each;
  const route = paid(asked);
  const full: Refusal[] = [];
  const short: OutOfMoney[] = [];
  const routes = [route, ...routesOf(exchange, route.fallbacks).map(paid)];
  const planOf = (routes: readonly ModelRoute[]) =>
    plan({
      routes,
      unfit: (endpoint) =>
        unfit(exchange, endpoint) ??
        overLimit(services, exchange, endpoint, full) ??
        overBudget(exchange, endpoint, short),
      random: services.random,
    });
  const made = planOf(routes);
  if (made.steps.length > 0) return made;
  const cheaper = short.length === 0 ? [] : routesOf(exchange, cheaperThan(body.model, caller)).map(paid);
  const second = cheaper.length === 0 ? made : planOf([...routes, ...cheaper]);
  if (second.steps.length > 0) return givenWay(exchange, second, short[0]);
  const [soonest] = full.sort((a, b) => a.retryAfterMs - b.retryAfterMs);
  if (soonest !== undefined) throw limitFault(soonest);
  if (short[0] !== undefined) throw budgetFault(exchange, short[0].shortage, short[0].endpoint);
  const unreachable = reachFault(exchange, route.endpoints, body.model);
  if (unreachable !== undefined) throw unreachable;
  if (exchange.operation === 'count-tokens' && route.endpoints.some(({ lack }) => lack === undefined)) {
    throw new Fault('feature_unsupported', {
      message: `No provider of the model "${body.model}" counts tokens.`,
      param: 'model',
    });
  }
  const lacks = new Set(route.endpoints.flatMap(({ id, lack }) => (lack === undefined ? [] : [`${id}: ${lack}`])));
  throw new Fault('model_unavailable', {
    message: `The model "${body.model}" is configured, but no endpoint can serve it (${[...lacks].join('; ') || route.reason}).`,
    param: 'model',
  });
}

function unfit(exchange: Exchange, endpoint: Endpoint): string | undefined {
  const barrier = barrierAt(exchange, endpoint);
  if (barrier !== undefined) return barrier;
  if (endpoint.lack !== undefined) return endpoint.lack;
  if (exchange.operation !== 'count-tokens') return undefined;
  return endpoint.provider.countTokens === true ? undefined : `${endpoint.provider.name} does not count tokens`;
}

/** @param full Takes what keeps the endpoint out. */
function overLimit(services: Services, exchange: Exchange, endpoint: Endpoint, full: Refusal[]): string | undefined {
  const refusal = refusalOfEndpoint(services, exchange, endpoint);
  if (refusal === undefined) return undefined;
  full.push(refusal);
  return `over its limit of ${refusal.label}`;
}

interface OutOfMoney {
  readonly shortage: Shortage;
  readonly endpoint: Endpoint;
}

/** @param short Takes what keeps the endpoint out. */
function overBudget(exchange: Exchange, endpoint: Endpoint, short: OutOfMoney[]): string | undefined {
  const shortage = shortageAt(exchange, endpoint);
  if (shortage === undefined) return undefined;
  short.push({ shortage, endpoint });
  if (shortage.reason === 'unpriced') return 'its price is not known';
  return shortage.reason === 'unbounded' ? 'the most it can cost is not known' : `over the ${shortage.label}`;
}

function cheaperThan(model: string, caller: Caller | undefined): readonly string[] {
  const all = caller?.fallbackModels;
  return all !== undefined && Object.hasOwn(all, model) ? (all[model] ?? []) : [];
}

/** Notes that a budget made the plan what it is. */
function givenWay(exchange: Exchange, made: Plan, short: OutOfMoney | undefined): Plan {
  const label = short?.shortage.label ?? '';
  if (exchange.budgets !== undefined) exchange.budgets.gaveWay = label;
  return { ...made, reasons: [...made.reasons, `the ${label} gives way to ${made.steps[0]?.model}`] };
}

/** Models of these names that may be used. A fallback is no way around a key's models. */
function routesOf(exchange: Exchange, names: readonly string[]): ModelRoute[] {
  const routes: ModelRoute[] = [];
  const policy = policyOf(exchange);
  for (const name of names) {
    if (policy !== undefined && !mayUse({ policy }, name)) continue;
    const fallback = exchange.snapshot.resolveModel(name);
    if (fallback !== undefined) routes.push(fallback);
  }
  return routes;
}

function unknownModel(exchange: Exchange, model: string): Fault {
  const policy = policyOf(exchange);
  const near = exchange.snapshot.nearNames(model).filter((name) => policy === undefined || mayUse({ policy }, name));
  const hint = near.length === 0 ? ' GET /v1/models lists what there is.' : ` Did you mean ${orList(near)}?`;
  return new Fault('model_unknown', {
    param: 'model',
    message: `There is no model "${shortened(model)}" here.${hint}`,
  });
}

function orList(names: readonly string[]): string {
  const quoted = names.map((name) => `"${name}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

function shortened(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 200)}…`;
}
