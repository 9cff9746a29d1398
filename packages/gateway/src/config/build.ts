import type { Provider } from '../providers/provider.ts';
import { sandboxAt } from '../providers/table.ts';
import type { Configuration, ConfiguredEndpoint, ConfiguredModel, Environment } from './configuration.ts';
import { type ProviderState, providerStates } from './discover.ts';
import { type EndpointContext, makeEndpoint, plainEndpoint } from './endpoint-factory.ts';
import { listModels } from './list-models.ts';
import { nearestNames } from './near-names.ts';
import { providerOfBareName, splitProviderModel } from './provider-name.ts';
import type { Endpoint, ModelListing, ModelRoute, Snapshot } from './snapshot.ts';
import type { CredentialSource } from './stored-credential.ts';
import { compareSpecificity, compileWildcard, fillTemplate, isWildcard, type Wildcard } from './wildcard.ts';

export interface BuildOptions {
  version: number;
  /** Where the stand-in provider listens, when it runs. */
  sandboxUrl?: string;
  /** Names of its models, to be listed. */
  sandboxModels?: readonly string[];
  /** Milliseconds since the epoch. Default: the system's clock. */
  nowMs?: () => number;
  /** Credentials kept in the database. Default: there are none. */
  credentials?: CredentialSource;
}

/** Routes found for names that are not configured are kept, but callers choose those names: only so many. */
const keptRoutesMax = 1000;

const noCredentials: CredentialSource = (name) => ({ lack: `there is no shared credential "${name}"` });

/** Puts a configuration in force: adds the environment's credentials and answers for names. */
export function buildSnapshot(configuration: Configuration, environment: Environment, options: BuildOptions): Snapshot {
  return new BuiltSnapshot(configuration, environment, options);
}

/** Does the configuration, in this environment, ask for the stand-in provider? */
export function wantsSandbox(configuration: Configuration, environment: Environment): boolean {
  if (configuration.sandbox !== undefined) return configuration.sandbox;
  if (configuration.models.length > 0) return false;
  return ![...providerStates(configuration, environment).values()].some((state) => state.isAvailable);
}

/** Longer names are not looked up: comparing patterns costs more than linearly. */
const nameCharsMax = 512;

interface Pattern {
  wildcard: Wildcard;
  model: ConfiguredModel;
}

class BuiltSnapshot implements Snapshot {
  readonly version: number;
  readonly keys: Snapshot['keys'];
  readonly alertWebhook: Snapshot['alertWebhook'];
  readonly cutOffMaxMs: Snapshot['cutOffMaxMs'];
  readonly modelGroups: Snapshot['modelGroups'];
  readonly jwtIssuers: Snapshot['jwtIssuers'];
  readonly limits: Snapshot['limits'];
  readonly budgets: Snapshot['budgets'];
  readonly markups: Snapshot['markups'];
  readonly server: Snapshot['server'];
  readonly ledger: Snapshot['ledger'];
  readonly endUsers: Snapshot['endUsers'];
  readonly policy: Snapshot['policy'];
  readonly byokCounts: boolean;
  readonly endpoints: readonly Endpoint[];
  readonly #configuration: Configuration;
  readonly #context: EndpointContext;
  readonly #states: ReadonlyMap<string, ProviderState>;
  readonly #routes = new Map<string, ModelRoute>();
  readonly #patterns: readonly Pattern[];
  readonly #kept = new Map<string, ModelRoute>();
  readonly #sandboxModels: readonly string[];
  #models: readonly ModelListing[] | undefined;
  #providers: ReadonlyMap<string, Provider> | undefined;

  constructor(configuration: Configuration, environment: Environment, options: BuildOptions) {
    this.version = options.version;
    this.keys = configuration.keys;
    this.alertWebhook = configuration.alertWebhook;
    this.cutOffMaxMs = configuration.cutOffMaxMs;
    this.modelGroups = configuration.modelGroups;
    this.jwtIssuers = configuration.jwtIssuers;
    this.limits = configuration.limits;
    this.budgets = configuration.budgets;
    this.markups = configuration.markups;
    this.server = configuration.server;
    this.ledger = configuration.ledger;
    this.endUsers = configuration.endUsers;
    this.policy = configuration.policy;
    this.byokCounts = configuration.byokCounts;
    this.#configuration = configuration;
    this.#context = {
      deadlines: configuration.defaults.deadlines,
      nowMs: options.nowMs ?? Date.now,
      credentials: options.credentials ?? noCredentials,
    };
    this.#states = statesWithSandbox(configuration, environment, options.sandboxUrl);
    this.#sandboxModels = this.#states.has('sandbox') ? (options.sandboxModels ?? []) : [];
    const patterns: Pattern[] = [];
    for (const model of configuration.models) {
      if (isWildcard(model.name)) patterns.push({ wildcard: compileWildcard(model.name, model.isOpenEnded), model });
      else this.#routes.set(model.name, this.#routeOf(model.name, model, []));
    }
    patterns.sort((a, b) => compareSpecificity(a.model.name, b.model.name));
    this.#patterns = patterns;
    this.endpoints = uniqueById([...this.#routes.values()].flatMap((route) => route.endpoints));
  }

  get providers(): ReadonlyMap<string, Provider> {
    this.#providers ??= new Map([...this.#states].map(([id, { provider }]) => [id, provider]));
    return this.#providers;
  }

  resolveForOwn(name: string, hasOwn: (providerId: string) => boolean): ModelRoute | undefined {
    if (!this.#configuration.discovery || name.length > nameCharsMax) return undefined;
    const target = splitProviderModel(name, (id) => this.#states.has(id) && hasOwn(id));
    const route = target && this.#routeOfProvider(name, target);
    return route && { ...route, reason: 'a credential of the caller' };
  }

  get models(): readonly ModelListing[] {
    this.#models ??= listModels(this.#configuration, this.#states, this.#routes, this.#sandboxModels);
    return this.#models;
  }

  resolveModel(name: string): ModelRoute | undefined {
    const configured = this.#routes.get(name) ?? this.#kept.get(name);
    if (configured !== undefined || name.length > nameCharsMax) return configured;
    const found = this.#resolveOther(name);
    if (found === undefined) return undefined;
    if (this.#kept.size >= keptRoutesMax) this.#kept.clear();
    this.#kept.set(name, found);
    return found;
  }

  nearNames(name: string): string[] {
    const listed = this.models.map((model) => model.id);
    return nearestNames(name, listed, 5);
  }

  #resolveOther(name: string): ModelRoute | undefined {
    const alias = this.#configuration.aliases.get(name);
    if (alias !== undefined && alias.model !== name) {
      const target = this.#routes.get(alias.model) ?? this.#resolveUnaliased(alias.model);
      if (target !== undefined) return { ...target, name, reason: `another name of ${alias.model}` };
    }
    return this.#resolveUnaliased(name);
  }

  #resolveUnaliased(name: string): ModelRoute | undefined {
    const configured = this.#byEndpointId(name) ?? this.#byPattern(name) ?? this.#byUpstreamName(name);
    return configured ?? this.#byProvider(name) ?? this.#byDefaultFallback(name);
  }

  /** LiteLLM serves a name nobody configured from its default fallbacks. */
  #byDefaultFallback(name: string): ModelRoute | undefined {
    const [first, ...others] =
      this.#configuration.kind === 'litellm' ? (this.#configuration.fallbacks.get('*') ?? []) : [];
    const route = first === undefined ? undefined : this.#routes.get(first);
    return route && { ...route, name, fallbacks: others, reason: 'not configured; served from default_fallbacks' };
  }

  /** LiteLLM callers may name one deployment by its id. */
  #byEndpointId(name: string): ModelRoute | undefined {
    if (this.#configuration.kind !== 'litellm') return undefined;
    for (const model of this.#configuration.models) {
      const endpoints = model.endpoints.filter((endpoint) => endpoint.id === name);
      if (endpoints.length > 0) return this.#routeOf(name, { ...model, endpoints }, []);
    }
    return undefined;
  }

  #byPattern(name: string): ModelRoute | undefined {
    for (const { wildcard, model } of this.#patterns) {
      const captures = wildcard.match(name);
      if (captures === undefined) continue;
      const route = this.#routeOf(name, model, captures);
      if (route.endpoints.some(({ lack }) => lack === undefined) || wildcard.pattern !== '*')
        return { ...route, reason: `matches ${wildcard.pattern}` };
    }
    return undefined;
  }

  /** LiteLLM also answers to the name a deployment has at its provider. */
  #byUpstreamName(name: string): ModelRoute | undefined {
    if (this.#configuration.kind !== 'litellm') return undefined;
    for (const model of this.#configuration.models) {
      if (isWildcard(model.name)) continue;
      const endpoints = model.endpoints.filter(
        ({ providerId, model: target }) => name === target || name === `${providerId}/${target}`,
      );
      if (endpoints.length > 0) return this.#routeOf(name, { ...model, endpoints }, []);
    }
    return undefined;
  }

  #byProvider(name: string): ModelRoute | undefined {
    const target =
      splitProviderModel(name, (id) => this.#states.get(id)?.isAvailable === true) ?? this.#byBareName(name);
    return target && this.#routeOfProvider(name, target);
  }

  #routeOfProvider(name: string, target: { providerId: string; model: string }): ModelRoute | undefined {
    const state = this.#states.get(target.providerId);
    if (state === undefined) return undefined;
    const endpoint = makeEndpoint(plainEndpoint(target.providerId, target.model), target.model, state, this.#context);
    return { name, endpoints: [endpoint], ...this.#afterwards(name, undefined), reason: state.reason };
  }

  #byBareName(name: string): { providerId: string; model: string } | undefined {
    const available = [...this.#states.values()].filter((state) => state.isAvailable).map((state) => state.provider);
    const provider = providerOfBareName(name, available);
    return provider === undefined ? undefined : { providerId: provider.id, model: name };
  }

  #routeOf(name: string, model: ConfiguredModel, captures: readonly string[]): ModelRoute {
    const endpoints = model.endpoints.map((endpoint) => this.#endpointOf(endpoint, captures, name));
    const usable = distinctIds(endpoints.filter((endpoint) => endpoint !== undefined));
    return { name, endpoints: usable, ...this.#afterwards(name, model), reason: 'configured' };
  }

  #endpointOf(configured: ConfiguredEndpoint, captures: readonly string[], name: string): Endpoint | undefined {
    const filled = fillTemplate(configured.model, captures, name);
    const target = this.#targetOf(configured, filled);
    const state = target === undefined ? undefined : this.#states.get(target.providerId);
    if (target === undefined || state === undefined) return undefined;
    return makeEndpoint(configured, target.model, state, this.#context);
  }

  #targetOf(configured: ConfiguredEndpoint, filled: string): { providerId: string; model: string } | undefined {
    const { providerId, model } = configured;
    const split = splitProviderModel(filled, (id) => this.#states.has(id));
    if (providerId === undefined) {
      if (split !== undefined) return split;
      const provider = providerOfBareName(
        filled,
        [...this.#states.values()].map((state) => state.provider),
      );
      return provider === undefined ? undefined : { providerId: provider.id, model: filled };
    }
    // `openai/*` as the target of `*`: the caller may have said the provider already.
    const isRepeated = isWildcard(model) && split?.providerId === providerId;
    return { providerId, model: isRepeated ? split.model : filled };
  }

  #afterwards(name: string, model: ConfiguredModel | undefined): Pick<ModelRoute, 'fallbacks' | 'retries'> {
    const fallbacks = model?.fallbacks ?? this.#fallbacksOf(name, model?.name);
    return {
      fallbacks: fallbacks.filter((fallback) => fallback !== name),
      retries: model?.retries ?? this.#configuration.defaults.retries,
    };
  }

  /** By exact name, by the name of the pattern it matched, without its prefix, by a pattern, then those for all. */
  #fallbacksOf(name: string, configuredName: string | undefined): readonly string[] {
    const { fallbacks } = this.#configuration;
    const bare = name.slice(name.indexOf('/') + 1);
    const exact = fallbacks.get(name) ?? fallbacks.get(configuredName ?? name) ?? fallbacks.get(bare);
    if (exact !== undefined) return exact;
    const patterns = [...fallbacks.keys()].filter(isWildcard).sort(compareSpecificity);
    const matching = patterns.find((pattern) => compileWildcard(pattern).match(name) !== undefined);
    return matching === undefined ? [] : (fallbacks.get(matching) ?? []);
  }
}

function statesWithSandbox(configuration: Configuration, environment: Environment, url: string | undefined) {
  const states = providerStates(configuration, environment);
  if (url === undefined || configuration.sandbox === false) return states;
  const provider = sandboxAt(url);
  return states.set(provider.id, { provider, credential: undefined, isAvailable: true, reason: 'the sandbox is on' });
}

function uniqueById(endpoints: readonly Endpoint[]): Endpoint[] {
  return [...new Map(endpoints.map((endpoint) => [endpoint.id, endpoint])).values()];
}

/** Entries of one model that are the same in all that names them get a number each. */
function distinctIds(endpoints: readonly Endpoint[]): Endpoint[] {
  const seen = new Map<string, number>();
  return endpoints.map((endpoint) => {
    const times = (seen.get(endpoint.id) ?? 0) + 1;
    seen.set(endpoint.id, times);
    return times === 1 ? endpoint : renamed(endpoint, `${endpoint.id}~${times}`);
  });
}

/** A copy under another id whose price is still read at each use. */
function renamed(endpoint: Endpoint, id: string): Endpoint {
  return Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(endpoint),
    id: { value: id, enumerable: true },
  });
}
