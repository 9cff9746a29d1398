import type { Configuration, Environment } from './configuration.ts';
import { providerStates } from './discover.ts';
import { missingOf } from './endpoint-factory.ts';

/** Lines on configured endpoints that cannot be used as the environment is, and on models left without any. */
export function describeAvailability(configuration: Configuration, environment: Environment): string[] {
  const states = providerStates(configuration, environment);
  const lines: string[] = [];
  for (const model of configuration.models) {
    let usable = 0;
    for (const endpoint of model.endpoints) {
      const state = endpoint.providerId === undefined ? undefined : states.get(endpoint.providerId);
      const missing = state === undefined ? undefined : missingOf(endpoint, state);
      if (missing === undefined) usable++;
      else lines.push(`${model.name}: the endpoint ${endpoint.providerId}/${endpoint.model} is left out: ${missing}.`);
    }
    if (usable === 0) lines.push(`${model.name}: no endpoint can serve it.`);
  }
  return lines;
}
