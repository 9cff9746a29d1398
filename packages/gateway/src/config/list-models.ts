import type { Configuration, ConfiguredModel } from './configuration.ts';
import type { ProviderState } from './discover.ts';
import { missingOf } from './endpoint-factory.ts';
import { modelsOfProvider } from './provider-name.ts';
import type { ModelListing, ModelRoute } from './snapshot.ts';
import { compileWildcard, fillTemplate, isWildcard } from './wildcard.ts';

/** Every name that can be listed, configured ones first. A name is listed once, for its first reason. */
export function listModels(
  configuration: Configuration,
  states: ReadonlyMap<string, ProviderState>,
  routes: ReadonlyMap<string, ModelRoute>,
  sandboxModels: readonly string[],
): ModelListing[] {
  const listings = new Map<string, ModelListing>();
  const list = (id: string, ownedBy: string, reason: string) => {
    if (!listings.has(id)) listings.set(id, { id, ownedBy, reason, createdSec: 0 });
  };
  for (const route of routes.values()) {
    const first = route.endpoints.find(({ lack }) => lack === undefined);
    if (first !== undefined) list(route.name, first.provider.id, route.reason);
  }
  for (const [name, { model, hidden }] of configuration.aliases) {
    const target = routes.get(model)?.endpoints.find(({ lack }) => lack === undefined);
    if (target !== undefined && !hidden) list(name, target.provider.id, `another name of ${model}`);
  }
  for (const model of configuration.models) {
    if (isWildcard(model.name))
      for (const { id, ownedBy } of expand(model, states)) list(id, ownedBy, `matches ${model.name}`);
  }
  for (const name of sandboxModels) list(`sandbox/${name}`, 'sandbox', 'the sandbox is on');
  for (const { provider, isAvailable, reason } of states.values()) {
    if (isAvailable)
      for (const model of modelsOfProvider(provider)) list(`${provider.id}/${model}`, provider.id, reason);
  }
  return [...listings.values()];
}

/** The names a pattern stands for, as far as the catalogue knows the models of its endpoints. */
function expand(model: ConfiguredModel, states: ReadonlyMap<string, ProviderState>): { id: string; ownedBy: string }[] {
  const names: { id: string; ownedBy: string }[] = [];
  for (const endpoint of model.endpoints) {
    const state = endpoint.providerId === undefined ? undefined : states.get(endpoint.providerId);
    if (state === undefined || missingOf(endpoint, state) !== undefined) continue;
    const template = compileWildcard(endpoint.model);
    for (const known of modelsOfProvider(state.provider)) {
      const captures = isWildcard(endpoint.model) ? template.match(known) : undefined;
      const id = captures === undefined ? undefined : fillTemplate(model.name, captures, known);
      if (id !== undefined && !isWildcard(id)) names.push({ id, ownedBy: state.provider.id });
    }
  }
  return names;
}
