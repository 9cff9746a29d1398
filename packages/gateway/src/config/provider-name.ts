import { catalogueModels, isCatalogued } from '../catalog/catalogue.ts';
import type { Provider } from '../providers/provider.ts';

/** Splits `provider/model` when the part before the first slash is one of `providerIds`. */
export function splitProviderModel(
  name: string,
  isProvider: (id: string) => boolean,
): { providerId: string; model: string } | undefined {
  const slash = name.indexOf('/');
  if (slash <= 0 || slash === name.length - 1) return undefined;
  const providerId = name.slice(0, slash);
  return isProvider(providerId) ? { providerId, model: name.slice(slash + 1) } : undefined;
}

/** The id a provider has in the price catalogue, or undefined when it has none. */
export function catalogueIdOf(provider: Provider): string | undefined {
  if (provider.catalogueId === null) return undefined;
  return provider.catalogueId ?? provider.id;
}

/** The first of `providers` that the catalogue knows to have a model of this bare name. */
export function providerOfBareName(name: string, providers: Iterable<Provider>): Provider | undefined {
  for (const provider of providers) {
    const catalogueId = catalogueIdOf(provider);
    if (catalogueId !== undefined && isCatalogued(catalogueId, name)) return provider;
  }
  return undefined;
}

/** The models the catalogue knows of a provider. */
export function modelsOfProvider(provider: Provider): string[] {
  const catalogueId = catalogueIdOf(provider);
  return catalogueId === undefined ? [] : catalogueModels(catalogueId);
}
