import { joinSegment } from '../providers/join-segment.ts';
import type { Provider, ProviderAuth } from '../providers/provider.ts';
import { providerTable } from '../providers/table.ts';
import type { AlertWebhook } from './alert-settings.ts';
import { readBudgetEntry } from './budget-entry.ts';
import type { BudgetRule } from './budget-rule.ts';
import {
  type Configuration,
  type ConfiguredModel,
  type ConfiguredProvider,
  deadlineDefaults,
  type Environment,
  retriesDefault,
  serverDefaults,
} from './configuration.ts';
import { digestKey } from './digest-key.ts';
import type { SourceDocument } from './document.ts';
import { endUserDefaults } from './end-user-settings.ts';
import { EndpointReader } from './endpoint-entry.ts';
import { interpolate } from './interpolate.ts';
import { parseIpRange } from './ip-range.ts';
import type { JwtIssuer } from './jwt-issuer.ts';
import { readJwtIssuer } from './jwt-schema.ts';
import { ledgerDefaults } from './ledger-settings.ts';
import { readLevelBudget, readLevelLimit } from './level-rules.ts';
import { readLimitEntry } from './limit-entry.ts';
import type { LimitRule } from './limit-rule.ts';
import { type MarkupRule, markupLevels, readMarkup } from './markup-rule.ts';
import { nearestNames } from './near-names.ts';
import { type Problem, renderPath } from './problem.ts';
import type { MarkupFileEntry } from './rule-schemas.ts';
import type { ConfigFile, ProviderEntry } from './schema.ts';
import type { ConfiguredKey } from './snapshot.ts';
import { validate } from './validate.ts';

export type ReadConfiguration =
  | { configuration: Configuration; problems: [] }
  | { configuration: undefined; problems: Problem[] };

/** Reads a `turnpike.yaml`: fills in the environment, checks it whole, and tells every problem at once. */
export function readTurnpikeFile(document: SourceDocument, path: string, environment: Environment): ReadConfiguration {
  const interpolated = interpolate(document, environment);
  const checked = validate(document, interpolated);
  const reader = checked.file === undefined ? undefined : new TurnpikeFileReader(document, checked.file);
  const configuration = reader?.read(path);
  // What a missing variable leaves behind is not a second problem.
  const unset = new Set(interpolated.problems.map((problem) => problem.path));
  const others = [...checked.problems, ...(reader?.problems ?? [])].filter((problem) => !unset.has(problem.path));
  const problems = [...interpolated.problems, ...others];
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  if (problems.length > 0 || configuration === undefined) return { configuration: undefined, problems };
  return { configuration, problems: [] };
}

class TurnpikeFileReader {
  readonly problems: Problem[] = [];
  readonly #providers = new Map<string, ConfiguredProvider>();
  readonly #document: SourceDocument;
  readonly #file: ConfigFile;

  constructor(document: SourceDocument, file: ConfigFile) {
    this.#document = document;
    this.#file = file;
  }

  read(path: string): Configuration {
    const file = this.#file;
    for (const [index, entry] of (file.providers ?? []).entries()) this.#readProvider(entry, ['providers', index]);
    const { port, host, cors, trustedProxies, ...server } = file.server ?? {};
    return {
      kind: 'turnpike',
      files: [path],
      variables: {},
      listen: { port, host },
      server: {
        ...serverDefaults,
        ...server,
        cors: { origins: cors?.origins ?? [] },
        trustedProxies: (trustedProxies ?? []).flatMap((range) => parseIpRange(range) ?? []),
      },
      ledger: { ...ledgerDefaults, ...file.ledger },
      retention: file.retention ?? {},
      byokCounts: file.byok?.counts ?? false,
      policy: file.policy,
      endUsers: {
        header: file.endUsers?.header?.toLowerCase(),
        unknown: file.endUsers?.unknown ?? endUserDefaults.unknown,
      },
      keys: this.#readKeys(),
      alertWebhook: this.#readWebhook(),
      cutOffMaxMs: file.auth?.cutOffMaxMs,
      modelGroups: new Map(Object.entries(file.modelGroups ?? {})),
      jwtIssuers: this.#readJwtIssuers(),
      limits: this.#readLimits(),
      budgets: this.#readBudgets(),
      markups: this.#readMarkups(),
      providers: [...this.#providers.values()],
      models: this.#readModels(),
      aliases: new Map(),
      defaults: {
        deadlines: { ...deadlineDefaults, ...file.defaults?.deadlines },
        retries: file.defaults?.retries ?? retriesDefault,
      },
      fallbacks: new Map(Object.entries(file.fallbacks ?? {})),
      discovery: file.discovery ?? true,
      sandbox: file.sandbox,
    };
  }

  #report(path: readonly PropertyKey[], message: string, hint?: string): void {
    const place = this.#document.locate(path);
    this.problems.push({ file: this.#document.file, ...place, path: renderPath(path), message, hint });
  }

  #readProvider(entry: ProviderEntry, path: readonly PropertyKey[]): void {
    if (this.#providers.has(entry.id)) {
      this.#report([...path, 'id'], `the provider ${entry.id} is named twice`);
      return;
    }
    const known = providerTable.find((provider) => provider.id === entry.id);
    if (known === undefined && entry.baseUrl === undefined) {
      const near = nearestNames(
        entry.id,
        providerTable.map((provider) => provider.id),
        2,
      );
      const hint = near.length > 0 ? `Did you mean ${near.join(' or ')}? ` : '';
      this.#report(
        [...path, 'id'],
        `${entry.id} is no provider known by itself`,
        `${hint}Give it a baseUrl to define one.`,
      );
      return;
    }
    const provider = known === undefined ? newProvider(entry) : { ...known };
    this.#providers.set(entry.id, {
      provider: changedProvider(provider, entry),
      apiKey: entry.apiKey,
      isAddressConfigured: entry.baseUrl !== undefined,
    });
  }

  #readKeys(): ConfiguredKey[] {
    const keys: ConfiguredKey[] = [];
    const { adminKey } = this.#file;
    if (adminKey !== undefined)
      keys.push({ name: 'admin', sha256: digestKey(adminKey), models: undefined, isAdmin: true, scopes: [] });
    for (const [index, entry] of (this.#file.keys ?? []).entries()) {
      const { name, key, sha256, models, modelGroups, policy, fallbackModels, byok, allowRequestCredentials } = entry;
      const path = ['keys', index];
      if ((key === undefined) === (sha256 === undefined)) {
        this.#report(path, 'needs either key or sha256', 'Give one of the two.');
        continue;
      }
      const digest = key === undefined ? (sha256 ?? '').toLowerCase() : digestKey(key);
      if (keys.some((other) => other.name === name)) this.#report([...path, 'name'], `the name ${name} is used twice`);
      else if (keys.some((other) => other.sha256 === digest)) this.#report(path, 'this key is given twice');
      const own = { modelGroups, policy, fallbackModels, byok, allowRequestCredentials };
      keys.push({ name, sha256: digest, models, ...own, isAdmin: false, scopes: scopesOf(entry) });
    }
    return keys;
  }

  #readWebhook(): AlertWebhook | undefined {
    const webhook = this.#file.alerts?.webhook;
    return webhook && { url: webhook.url, secret: webhook.secret, headers: webhook.headers ?? {} };
  }

  #readJwtIssuers(): JwtIssuer[] {
    const issuers: JwtIssuer[] = [];
    for (const [index, entry] of (this.#file.auth?.jwt?.issuers ?? []).entries()) {
      for (const field of ['name', 'issuer'] as const) {
        if (!issuers.some((other) => other[field] === entry[field])) continue;
        this.#report(['auth', 'jwt', 'issuers', index, field], `this ${field} is given twice`);
      }
      issuers.push(readJwtIssuer(entry));
    }
    return issuers;
  }

  /** Those of the top level, then those under keys. */
  #readLimits(): LimitRule[] {
    const rules = (this.#file.limits ?? []).flatMap(
      (entry, index) => this.#accept(readLimitEntry(entry), ['limits', index]) ?? [],
    );
    for (const [at, key] of (this.#file.keys ?? []).entries()) {
      for (const [index, entry] of (key.limits ?? []).entries()) {
        const found = readLevelLimit({ key: key.name }, entry);
        rules.push(...(this.#accept(found, ['keys', at, 'limits', index]) ?? []));
      }
    }
    return rules;
  }

  /** Those of the top level, then those under keys. */
  #readBudgets(): BudgetRule[] {
    const rules = (this.#file.budgets ?? []).map((entry, index) =>
      this.#accept(readBudgetEntry(entry), ['budgets', index]),
    );
    for (const [at, key] of (this.#file.keys ?? []).entries()) {
      for (const [index, entry] of (key.budgets ?? []).entries()) {
        rules.push(this.#accept(readLevelBudget({ key: key.name }, entry), ['keys', at, 'budgets', index]));
      }
    }
    return rules.filter((rule) => rule !== undefined);
  }

  #readMarkups(): MarkupRule[] {
    const rules = (this.#file.markups ?? []).map((entry, index) =>
      this.#accept(readMarkupEntry(entry), ['markups', index]),
    );
    return rules.filter((rule) => rule !== undefined);
  }

  #accept<T extends object>(found: T | { message: string; hint: string }, path: readonly PropertyKey[]): T | undefined {
    if (!('message' in found)) return found;
    this.#report(path, found.message, found.hint);
    return undefined;
  }

  #readModels(): ConfiguredModel[] {
    const seen = new Set<string>();
    const reader = new EndpointReader([...this.#providers.values()], (...problem) => this.#report(...problem));
    return (this.#file.models ?? []).map((model, index) => {
      const path = ['models', index];
      if (seen.has(model.name)) {
        this.#report(
          [...path, 'name'],
          `the model ${model.name} is named twice`,
          'Put all its endpoints into one entry.',
        );
      }
      seen.add(model.name);
      const endpoints = model.endpoints.map((endpoint, at) => reader.read(endpoint, [...path, 'endpoints', at]));
      return {
        name: model.name,
        endpoints: endpoints.filter((endpoint) => endpoint !== undefined),
        fallbacks: model.fallbacks,
        retries: model.retries,
        isOpenEnded: false,
      };
    });
  }
}

/** What a key's exchanges count against beside the key. */
function scopesOf(entry: NonNullable<ConfigFile['keys']>[number]): ConfiguredKey['scopes'] {
  const scopes: ConfiguredKey['scopes'][number][] = [];
  for (const type of ['user', 'team', 'organisation', 'project'] as const) {
    const id = entry[type];
    if (id !== undefined) scopes.push({ type, id });
  }
  for (const id of entry.tags ?? []) scopes.push({ type: 'tag', id });
  return scopes;
}

/** The rule an entry of the file stands for, or what is wrong with it. */
function readMarkupEntry({ scope = {}, from, ...entry }: MarkupFileEntry): ReturnType<typeof readMarkup> {
  const levels = markupLevels.flatMap((type) => {
    const id = scope[type];
    return id === undefined ? [] : [{ type, id }];
  });
  if (levels.length > 1) {
    return { message: 'names several things in one scope', hint: 'A markup is of one: write an entry for each.' };
  }
  const fromMs = from === undefined ? undefined : Date.parse(from);
  if (Number.isNaN(fromMs)) return { message: `begins at no time: ${from}`, hint: 'Write a date such as 2026-12-01.' };
  return readMarkup(levels[0], { ...entry, fromMs });
}

function newProvider(entry: ProviderEntry): Provider {
  const dialect = entry.dialect ?? 'openai-chat';
  const stem = entry.id.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  return {
    id: entry.id,
    name: entry.id,
    dialect,
    baseUrl: '',
    envKeys: [`${stem}_API_KEY`],
    auth: authOfDialect(dialect),
    headers: dialect === 'anthropic-messages' ? { 'anthropic-version': '2023-06-01' } : undefined,
    quirks: {},
    // Someone else's prices do not follow from a name that happens to be the same.
    catalogueId: null,
  };
}

function authOfDialect(dialect: Provider['dialect']): ProviderAuth {
  return dialect === 'anthropic-messages' ? { type: 'header', name: 'x-api-key' } : { type: 'bearer' };
}

function changedProvider(provider: Provider, entry: ProviderEntry): Provider {
  const changed: Provider = { ...provider, quirks: { ...provider.quirks, ...entry.quirks } };
  if (entry.name !== undefined) changed.name = entry.name;
  if (entry.dialect !== undefined && entry.dialect !== provider.dialect) {
    changed.dialect = entry.dialect;
    changed.auth = authOfDialect(entry.dialect);
  }
  if (entry.baseUrl !== undefined) changed.baseUrl = joinSegment(entry.baseUrl, undefined);
  if (entry.headers !== undefined) changed.headers = { ...provider.headers, ...entry.headers };
  if (entry.envKeys !== undefined) changed.envKeys = entry.envKeys;
  if (entry.keyOptional !== undefined) changed.keyOptional = entry.keyOptional;
  if (entry.data !== undefined) changed.data = entry.data;
  if (entry.countTokens !== undefined) changed.countTokens = entry.countTokens;
  if (entry.catalogueId !== undefined) changed.catalogueId = entry.catalogueId;
  if (entry.auth === 'bearer' || entry.auth === 'none') changed.auth = { type: entry.auth };
  else if (entry.auth !== undefined) changed.auth = { type: 'header', name: entry.auth.header.toLowerCase() };
  return changed;
}
