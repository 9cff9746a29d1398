import type { Configuration, ConfiguredModel } from './configuration.ts';
import { EndpointReader } from './endpoint-entry.ts';
import type { EndpointEntry } from './endpoint-schema.ts';
import { renderPath } from './problem.ts';

/** A model that is kept in the database: what an entry of `models` in the file says. */
export interface StoredModel {
  readonly name: string;
  readonly endpoints: readonly (string | EndpointEntry)[];
  readonly fallbacks?: readonly string[] | undefined;
  readonly retries?: number | undefined;
}

/** What is wrong with one: `path` is that of the field, from the model's own beginning. */
export interface ModelProblem {
  readonly path: string;
  readonly message: string;
  readonly hint: string | undefined;
}

/** The model as it can be put in force, with those of its endpoints that can be read, and what is wrong with the others. */
export function readStoredModel(
  stored: StoredModel,
  { providers }: Configuration,
): { model: ConfiguredModel; problems: readonly ModelProblem[] } {
  const problems: ModelProblem[] = [];
  const reader = new EndpointReader(providers, (path, message, hint) =>
    problems.push({ path: renderPath(path), message, hint }),
  );
  const endpoints = stored.endpoints.map((entry, at) => reader.read(entry, ['endpoints', at]));
  const model: ConfiguredModel = {
    name: stored.name,
    endpoints: endpoints.filter((endpoint) => endpoint !== undefined),
    fallbacks: stored.fallbacks,
    retries: stored.retries,
    isOpenEnded: false,
  };
  return { model, problems };
}

/** Does the configuration itself say what a caller who writes this name gets? */
export function isConfiguredModel({ models, aliases }: Configuration, name: string): boolean {
  return aliases.has(name) || models.some((model) => model.name === name);
}

/**
 * The configuration with the stored models added to its own. Where both have a name, the configuration's holds.
 *
 * @param onProblem Told, a line each, of what could not be taken over.
 */
export function withStoredModels(
  configuration: Configuration,
  stored: readonly StoredModel[],
  onProblem: (line: string) => void,
): Configuration {
  if (stored.length === 0) return configuration;
  const added: ConfiguredModel[] = [];
  for (const entry of stored) {
    if (isConfiguredModel(configuration, entry.name)) {
      onProblem(`${entry.name} is in the configuration as well, which holds.`);
      continue;
    }
    const { model, problems } = readStoredModel(entry, configuration);
    for (const { path, message } of problems) onProblem(`${entry.name}: ${path} ${message}.`);
    added.push(model);
  }
  return { ...configuration, models: [...configuration.models, ...added] };
}
