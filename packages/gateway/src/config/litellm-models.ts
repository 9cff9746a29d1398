import { providerTable } from '../providers/table.ts';
import type { ConfiguredEndpoint, ConfiguredModel } from './configuration.ts';
import { plainEndpoint } from './endpoint-factory.ts';
import type { LimitRule } from './limit-rule.ts';
import { isPriceKey, readLitellmPrice } from './litellm-prices.ts';
import { baseUrlOfApiBase, targetOfLitellmModel } from './litellm-providers.ts';
import { isMapping, type Mapping } from './litellm-source.ts';
import { catalogueIdOf } from './provider-name.ts';
import type { Deadlines } from './snapshot.ts';

interface Entry {
  path: string;
  name: string;
  params: Mapping;
  info: Mapping;
  endpoint: ConfiguredEndpoint;
}

/** Keys of `litellm_params` that are read; those with a clause are known and not done. */
const readParams = new Set(
  (
    'model api_key api_base base_url timeout stream_timeout max_retries weight order extra_headers headers organization ' +
    'custom_llm_provider litellm_credential_name rpm tpm itpm otpm max_parallel_requests'
  ).split(' '),
);

const paramClauses: Readonly<Record<string, string>> = {
  max_budget: 'budgets of deployments are not enforced yet',
  budget_duration: 'budgets of deployments are not enforced yet',
  tags: 'routing by tags is not done yet',
  tag_regex: 'routing by tags is not done yet',
  drop_params: 'what a provider cannot take is always left out and reported',
  additional_drop_params: 'dropping named parameters is not done yet',
  allowed_openai_params: 'not needed: unknown parameters are passed on to providers of the same dialect',
  mock_response: 'made-up answers are not given; see the sandbox provider',
  silent_model: 'shadow traffic is not done yet',
  configurable_clientside_auth_params: 'callers cannot bring credentials',
  cache_control_injection_points: 'cache marks are not added yet',
  region_name: 'regions are not taken into account',
  api_version: 'has no meaning for this provider',
  use_in_pass_through: 'pass-through routes are not served yet',
};

const readInfo = new Set(['id', 'base_model', 'mode', 'access_groups']);
/** Facts about a model that LiteLLM keeps for its own lists; nothing is decided by them here. */
const isMereFact = (key: string) =>
  /^(supports_|max_(input_|output_)?tokens$|litellm_provider$|description$|db_model$)/.test(key);

/** Reads `model_list`: entries of one name become one model with many endpoints. */
export function readModelList(
  list: readonly unknown[],
  credentials: ReadonlyMap<string, Mapping>,
  report: string[],
): ConfiguredModel[] {
  const groups = new Map<string, Entry[]>();
  for (const [index, item] of list.entries()) {
    const entry = readEntry(item, `model_list[${index}]`, credentials, report);
    if (entry !== undefined) groups.set(entry.name, [...(groups.get(entry.name) ?? []), entry]);
  }
  return [...groups].map(([name, entries]) => ({
    name,
    endpoints: placeEndpoints(entries, report),
    fallbacks: undefined,
    retries: retriesOf(entries, report),
    isOpenEnded: true,
  }));
}

function readEntry(
  item: unknown,
  path: string,
  credentials: ReadonlyMap<string, Mapping>,
  report: string[],
): Entry | undefined {
  const left = (why: string) => {
    report.push(`${path}: the entry is left out: ${why}.`);
    return undefined;
  };
  if (!isMapping(item)) return left('it is not a mapping');
  const { model_name: name, litellm_params: given, model_info, ...others } = item;
  if (typeof name !== 'string' || name === '') return left('it has no model_name');
  if (!isMapping(given) || typeof given.model !== 'string') return left('it has no litellm_params.model');
  for (const key of Object.keys(others)) report.push(`${path}.${key}: not understood.`);
  const params = { ...credentialOf(given, path, credentials, report), ...withoutAbsent(given) };
  const info = isMapping(model_info) ? withoutAbsent(model_info) : {};
  const endpoint = readEndpoint(String(given.model), params, info, path, report);
  if (typeof endpoint === 'string') return left(endpoint);
  reportRest(params, info, path, report);
  return { path, name, params, info, endpoint };
}

function readEndpoint(
  model: string,
  params: Mapping,
  info: Mapping,
  path: string,
  report: string[],
): ConfiguredEndpoint | string {
  const apiBase = textOf(params.api_base) ?? textOf(params.base_url);
  const target = targetOfLitellmModel(model, apiBase, textOf(params.custom_llm_provider));
  if (target.kind === 'unserved') return `the provider ${target.provider} is not served yet`;
  if (target.kind === 'unknown') return `${model} does not say which provider has it`;
  const { providerId } = target;
  if (target.isAssumed)
    report.push(`${path}.litellm_params.model: no provider is named; its address is taken as OpenAI-compatible.`);
  const provider = providerTable.find((each) => each.id === providerId);
  const priceModel = textOf(info.base_model);
  const priced = priceModel?.split('/').at(-1) ?? target.model;
  const catalogueId = provider === undefined ? undefined : catalogueIdOf(provider);
  return {
    ...plainEndpoint(providerId, target.model),
    id: textOf(info.id),
    apiKey: textOf(params.api_key),
    baseUrl: apiBase === undefined ? undefined : baseUrlOfApiBase(apiBase, providerId ?? 'openai'),
    headers: headersOf(params),
    deadlines: deadlinesOf(params.timeout, params.stream_timeout),
    price: readLitellmPrice(params, info, catalogueId, priced),
    priceModel: priceModel === undefined ? undefined : priced,
    inheritsCredential: true,
    limits: limitsOf(params),
  };
}

const limitParams = [
  ['rpm', 'requests'],
  ['tpm', 'tokens'],
  ['itpm', 'inputTokens'],
  ['otpm', 'outputTokens'],
  ['max_parallel_requests', 'concurrency'],
] as const;

/** A deployment's limits. Those of 0 and below are none. */
function limitsOf(params: Mapping): LimitRule[] {
  return limitParams.flatMap(([key, measure]) => {
    const amount = Math.floor(numberOf(params[key]) ?? 0);
    if (amount < 1) return [];
    return [{ measure, amount, windowMs: measure === 'concurrency' ? 0 : 60_000, scope: {}, each: [] }];
  });
}

/**
 * LiteLLM's `timeout` bounds each wait for the provider, so for a whole answer the time until it comes; it does not cut
 * a running stream. Both are in seconds.
 */
export function deadlinesOf(timeout: unknown, streamTimeout: unknown): Partial<Deadlines> {
  const wholeMs = millisecondsOf(timeout);
  const streamMs = millisecondsOf(streamTimeout);
  return {
    ...(wholeMs === undefined ? {} : { firstByteMs: wholeMs, ...(wholeMs > 3_600_000 ? { totalMs: wholeMs } : {}) }),
    ...(streamMs === undefined ? {} : { streamFirstByteMs: streamMs }),
  };
}

function millisecondsOf(value: unknown): number | undefined {
  const seconds = numberOf(value);
  return seconds === undefined || seconds <= 0 ? undefined : Math.max(1, Math.round(seconds * 1000));
}

export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const isWritten = typeof value === 'string' && /^-?[0-9]+(\.[0-9]+)?$/.test(value.trim());
  return isWritten ? Number(value) : undefined;
}

export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function headersOf(params: Mapping): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const section of [params.headers, params.extra_headers]) {
    if (!isMapping(section)) continue;
    for (const [name, value] of Object.entries(section)) {
      const written = textOf(value);
      if (written !== undefined) headers[name.toLowerCase()] = written;
    }
  }
  const organization = textOf(params.organization);
  return organization === undefined ? headers : { 'openai-organization': organization, ...headers };
}

/**
 * Shares of traffic as LiteLLM's simple shuffle takes them: by `weight` when the first entry has one, else by `rpm`,
 * else by `tpm`, else equal. An entry without its share gets no traffic as long as another can serve.
 */
function placeEndpoints(entries: readonly Entry[], report: string[]): ConfiguredEndpoint[] {
  const first = entries[0]?.params ?? {};
  const measure = ['weight', 'rpm', 'tpm'].find((key) => numberOf(first[key]) !== undefined);
  const orders = entries.map(({ params }) => numberOf(params.order));
  const stated = orders.filter((order) => order !== undefined);
  const last = stated.length === 0 ? 0 : Math.max(...stated) + 1;
  return entries.map(({ endpoint, params, path }, index) => {
    const order = orders[index] ?? last;
    const share = measure === undefined ? 1 : (numberOf(params[measure]) ?? 0);
    if (share > 0) return { ...endpoint, weight: share, order };
    report.push(
      `${path}: it has no ${measure} above 0 and its first sibling has: it is tried only when the others failed.`,
    );
    return { ...endpoint, weight: 1, order: last + 1 };
  });
}

function retriesOf(entries: readonly Entry[], report: string[]): number | undefined {
  const stated = entries.map(({ params }) => numberOf(params.max_retries)).filter((retries) => retries !== undefined);
  if (new Set(stated).size > 1)
    report.push(`${entries[0]?.name}: entries differ in max_retries; the highest holds for all.`);
  return stated.length === 0 ? undefined : Math.max(0, ...stated);
}

function credentialOf(
  params: Mapping,
  path: string,
  credentials: ReadonlyMap<string, Mapping>,
  report: string[],
): Mapping {
  const name = textOf(params.litellm_credential_name);
  if (name === undefined) return {};
  const found = credentials.get(name);
  if (found === undefined)
    report.push(`${path}.litellm_params.litellm_credential_name: there is no credential ${name}.`);
  return found === undefined ? {} : withoutAbsent(found);
}

function reportRest(params: Mapping, info: Mapping, path: string, report: string[]): void {
  for (const key of Object.keys(params)) {
    if (readParams.has(key) || isPriceKey(key)) continue;
    const clause = Object.hasOwn(paramClauses, key) ? paramClauses[key] : undefined;
    report.push(`${path}.litellm_params.${key}: ${clause ?? 'not understood; it is not sent to the provider'}.`);
  }
  for (const key of Object.keys(info)) {
    if (readInfo.has(key) || isPriceKey(key) || isMereFact(key)) continue;
    report.push(`${path}.model_info.${key}: not understood.`);
  }
  const mode = textOf(info.mode);
  if (mode !== undefined && mode !== 'chat')
    report.push(`${path}.model_info.mode: only chat is served yet, not ${mode}.`);
}

function withoutAbsent(section: Mapping): Mapping {
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== null && value !== undefined));
}
