import { Fault } from '@turnpike/wire/fault.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Exchange } from '../exchange.ts';
import { allowsName, type EffectivePolicy } from '../identity/effective-policy.ts';
import { unfulfilled } from '../policy/data/data-demands.ts';
import { policyOf, whoMay } from './end-user.ts';

const NOT_LISTED = 'not among what may be used';

/** Why the policy keeps an endpoint out, for the plan; undefined when it does not. */
export function barrierAt(exchange: Exchange, endpoint: Endpoint): string | undefined {
  const barrier = barrierOf(policyOf(exchange), endpoint);
  if (barrier === undefined) return undefined;
  const keyMay = barrierOf(exchange.caller?.policy, endpoint) === undefined;
  const who = whoMay(exchange, keyMay).replace('The', 'the');
  return barrier === NOT_LISTED ? `${who} may not use it` : `${who} may not use it: ${barrier}`;
}

/** What is said when the policy keeps out all endpoints of a model; undefined when it does not. */
export function reachFault(exchange: Exchange, endpoints: readonly Endpoint[], model: string): Fault | undefined {
  const policy = policyOf(exchange);
  const barriers = endpoints.map((endpoint) => barrierOf(policy, endpoint));
  if (barriers.length === 0 || barriers.includes(undefined)) return undefined;
  const who = whoMay(
    exchange,
    endpoints.some((endpoint) => barrierOf(exchange.caller?.policy, endpoint) === undefined),
  );
  if (barriers.every((barrier) => barrier === NOT_LISTED)) {
    return new Fault('model_forbidden', {
      param: 'model',
      message: `${who} may not use any provider of the model "${model}".`,
    });
  }
  const reasons = endpoints.map(({ id }, index) => `${id}: ${barriers[index]}`);
  return new Fault('data_forbidden', {
    param: 'model',
    message: `${who} may send data to no endpoint of the model "${model}" (${reasons.join('; ')}).`,
  });
}

function barrierOf(policy: EffectivePolicy | undefined, { provider, id, data, payer }: Endpoint): string | undefined {
  if (policy === undefined) return undefined;
  if (!allowsName(policy.providers, provider.id) || !allowsName(policy.endpoints, id)) return NOT_LISTED;
  // Terms were agreed with whom the shared account belongs to. What others have agreed nobody here knows.
  return unfulfilled(policy.data, payer === undefined ? data : undefined);
}
