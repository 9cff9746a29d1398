import type { Endpoint, ModelRoute } from '../config/snapshot.ts';

/** The ordered tries for an exchange, and why. */
export interface Plan {
  /** In the order to try. A route's endpoints come first, then those of its fallbacks. */
  readonly steps: readonly PlanStep[];
  /** One line per candidate: kept, dropped or ranked, and why. Goes to the log. */
  readonly reasons: readonly string[];
}

export interface PlanStep {
  readonly endpoint: Endpoint;
  /** The model name this step serves: the caller's, or a fallback's. */
  readonly model: string;
  /** Which route of the plan the step belongs to; 0 is the caller's own model. */
  readonly routeIndex: number;
}

export interface PlanInput {
  /** The caller's model first, then its fallbacks. */
  readonly routes: readonly ModelRoute[];
  /** Can this endpoint do the operation at all? A reason when it cannot. */
  readonly unfit: (endpoint: Endpoint) => string | undefined;
  /** Uniform in [0, 1): the only chance in a plan, handed in so that the function stays pure. */
  readonly random: () => number;
}

/**
 * Orders the endpoints of a model: by `order`, and among equals by weighted chance, so that each comes first as often
 * as its weight says. Tries after the first go through all other endpoints before any is tried again; then fallbacks.
 */
export function plan(input: PlanInput): Plan {
  const steps: PlanStep[] = [];
  const reasons: string[] = [];
  for (const [routeIndex, route] of input.routes.entries()) {
    const fit: Endpoint[] = [];
    for (const endpoint of route.endpoints) {
      const reason = input.unfit(endpoint);
      if (reason === undefined) fit.push(endpoint);
      else reasons.push(`${endpoint.id}: left out, ${reason}`);
    }
    if (fit.length === 0) continue;
    const ordered = fit.length === 1 ? fit : byOrderThenChance(fit, input.random);
    // Retries repeat the ranking from its start once every endpoint had its turn.
    const tries = Math.max(ordered.length, 1 + route.retries);
    for (let index = 0; index < tries; index++) {
      const endpoint = ordered[index % ordered.length];
      if (endpoint !== undefined) steps.push({ endpoint, model: route.name, routeIndex });
    }
    for (const [rank, endpoint] of ordered.entries()) reasons.push(reasonOf(endpoint, rank, routeIndex, route));
  }
  return { steps, reasons };
}

function byOrderThenChance(endpoints: readonly Endpoint[], random: () => number): Endpoint[] {
  // Exponential keys: sorting by -ln(u)/weight is a weighted random permutation (Efraimidis and Spirakis, 2006).
  return endpoints
    .map((endpoint) => ({ endpoint, key: -Math.log(1 - random()) / endpoint.weight }))
    .sort((a, b) => a.endpoint.order - b.endpoint.order || a.key - b.key)
    .map(({ endpoint }) => endpoint);
}

function reasonOf(endpoint: Endpoint, rank: number, routeIndex: number, route: ModelRoute): string {
  const place = routeIndex === 0 ? `rank ${rank + 1}` : `fallback ${route.name}, rank ${rank + 1}`;
  return `${endpoint.id}: ${place} (order ${endpoint.order}, weight ${endpoint.weight}; ${route.reason})`;
}
