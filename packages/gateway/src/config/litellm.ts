import { type Configuration, deadlineDefaults, retriesDefault, serverDefaults } from './configuration.ts';
import { digestKey } from './digest-key.ts';
import { endUserDefaults } from './end-user-settings.ts';
import { ledgerDefaults } from './ledger-settings.ts';
import { readLitellmBudget } from './litellm-budget.ts';
import { readAccessGroups } from './litellm-groups.ts';
import { deadlinesOf, numberOf, readModelList, textOf } from './litellm-models.ts';
import { isMapping, type Mapping, readLitellmSource } from './litellm-source.ts';
import type { Problem } from './problem.ts';
import type { ReadContext, ReadResult } from './read-context.ts';
import type { ConfiguredKey } from './snapshot.ts';

const marks = ['model_list', 'litellm_settings', 'general_settings', 'router_settings'];

/** LiteLLM's `config.yaml` is known by its top-level keys. */
export function isLitellmFile(value: unknown): boolean {
  return isMapping(value) && marks.some((mark) => Object.hasOwn(value, mark));
}

/** Settings that are known and not done, each with what holds instead. */
const clauses: Readonly<Record<string, string>> = {
  'litellm_settings.drop_params': 'what a provider cannot take is always left out and reported',
  'litellm_settings.modify_params': 'requests are never filled up with made-up content',
  'litellm_settings.set_verbose': 'has no meaning here',
  'litellm_settings.json_logs': 'logs have one form',
  'litellm_settings.cache': 'answers are not cached yet',
  'litellm_settings.cache_params': 'answers are not cached yet',
  'litellm_settings.context_window_fallbacks': 'fallbacks by kind of failure are not done yet',
  'litellm_settings.content_policy_fallbacks': 'fallbacks by kind of failure are not done yet',
  'router_settings.routing_strategy': 'endpoints are chosen by order and weight',
  'router_settings.routing_strategy_args': 'endpoints are chosen by order and weight',
  'router_settings.context_window_fallbacks': 'fallbacks by kind of failure are not done yet',
  'router_settings.content_policy_fallbacks': 'fallbacks by kind of failure are not done yet',
  'router_settings.enable_pre_call_checks': 'order always holds; nothing else is checked before a call yet',
  'router_settings.allowed_fails': 'endpoints are judged by their own recent failures',
  'router_settings.cooldown_time': 'endpoints are judged by their own recent failures',
  'router_settings.redis_host': 'the Redis that gateways share is named by REDIS_URL',
  'router_settings.redis_port': 'the Redis that gateways share is named by REDIS_URL',
  'router_settings.redis_password': 'the Redis that gateways share is named by REDIS_URL',
  'router_settings.redis_url': 'the Redis that gateways share is named by REDIS_URL',
  'general_settings.database_url': 'keys and spend of that database are not read',
};

/** Settings that are read, by section. */
const readSettings: Readonly<Record<string, ReadonlySet<string>>> = {
  litellm_settings: new Set([
    'num_retries',
    'request_timeout',
    'fallbacks',
    'default_fallbacks',
    'max_budget',
    'budget_duration',
    'timezone',
  ]),
  router_settings: new Set([
    'num_retries',
    'timeout',
    'stream_timeout',
    'fallbacks',
    'default_fallbacks',
    'model_group_alias',
  ]),
  general_settings: new Set(['master_key', 'max_request_size_mb', 'max_response_size_mb']),
};

const readSections = new Set(['model_list', 'environment_variables', 'credential_list', ...Object.keys(readSettings)]);

/**
 * Reads LiteLLM's `config.yaml` with LiteLLM's own meaning. What is not done here is told in the report, a path and a
 * clause each; an entry that cannot be served is left out and told, and the rest works.
 */
export async function readLitellmFile(text: string, context: ReadContext): Promise<ReadResult> {
  const source = await readLitellmSource(text, context);
  const { root, report } = source;
  const problems = [...source.problems];
  const list = root.model_list ?? [];
  if (!Array.isArray(list)) problems.push(wrongType(context.file, 'model_list', 'a list'));
  for (const section of Object.keys(readSettings)) {
    const value = root[section] ?? {};
    if (!isMapping(value)) problems.push(wrongType(context.file, section, 'a mapping'));
  }
  if (problems.length > 0 || !Array.isArray(list)) return { configuration: undefined, report, problems };
  const litellm = sectionOf(root, 'litellm_settings');
  const general = sectionOf(root, 'general_settings');
  // What both say, the router's settings decide.
  const router = { ...litellm, ...sectionOf(root, 'router_settings') };
  reportSettings(root, report);
  report.push('Only the models of model_list are served; add names there to serve more.');
  const configuration: Configuration = {
    kind: 'litellm',
    files: source.files,
    variables: source.variables,
    listen: { port: undefined, host: undefined },
    server: {
      ...serverDefaults,
      bodyBytesMax: bytesOf(general.max_request_size_mb) ?? serverDefaults.bodyBytesMax,
      responseBytesMax: bytesOf(general.max_response_size_mb) ?? serverDefaults.responseBytesMax,
    },
    // As LiteLLM, whose reports are of those.
    ledger: { ...ledgerDefaults, endUsers: true, tags: true },
    retention: {},
    endUsers: endUserDefaults,
    byokCounts: false,
    alertWebhook: undefined,
    cutOffMaxMs: undefined,
    jwtIssuers: [],
    modelGroups: readAccessGroups(list, report),
    keys: adminKeys(textOf(general.master_key) ?? context.environment.LITELLM_MASTER_KEY),
    limits: [],
    budgets: readLitellmBudget(litellm, report),
    markups: [],
    providers: [],
    models: readModelList(list, readCredentials(root.credential_list), report),
    aliases: readAliases(router.model_group_alias, report),
    defaults: {
      deadlines: {
        ...deadlineDefaults,
        ...deadlinesOf(router.timeout ?? litellm.request_timeout, router.stream_timeout),
      },
      retries: Math.max(0, numberOf(router.num_retries) ?? retriesDefault),
    },
    fallbacks: readFallbacks(router.fallbacks, router.default_fallbacks, report),
    discovery: false,
    sandbox: false,
  };
  return { configuration, report, problems: [] };
}

function wrongType(file: string, path: string, wanted: string): Problem {
  return { file, line: 0, column: 0, path, message: `must be ${wanted}` };
}

function sectionOf(root: Mapping, name: string): Mapping {
  const section = root[name];
  if (!isMapping(section)) return {};
  return Object.fromEntries(Object.entries(section).filter(([, value]) => value !== null && value !== undefined));
}

function adminKeys(masterKey: string | undefined): ConfiguredKey[] {
  if (masterKey === undefined || masterKey === '') return [];
  return [{ name: 'master_key', sha256: digestKey(masterKey), models: undefined, isAdmin: true, scopes: [] }];
}

function bytesOf(megabytes: unknown): number | undefined {
  const count = numberOf(megabytes);
  return count === undefined || count <= 0 ? undefined : Math.floor(count * 1024 * 1024);
}

function readCredentials(list: unknown): Map<string, Mapping> {
  const credentials = new Map<string, Mapping>();
  for (const item of Array.isArray(list) ? list : []) {
    if (!isMapping(item) || typeof item.credential_name !== 'string' || !isMapping(item.credential_values)) continue;
    credentials.set(item.credential_name, item.credential_values);
  }
  return credentials;
}

function readAliases(section: unknown, report: string[]): Configuration['aliases'] {
  const aliases = new Map<string, { model: string; hidden: boolean }>();
  for (const [alias, value] of Object.entries(isMapping(section) ? section : {})) {
    if (typeof value === 'string') aliases.set(alias, { model: value, hidden: false });
    else if (isMapping(value) && typeof value.model === 'string') {
      aliases.set(alias, { model: value.model, hidden: value.hidden === true });
    } else report.push(`router_settings.model_group_alias.${alias}: not understood.`);
  }
  return aliases;
}

/** A list of mappings from a model to the models to try; `*` is for all, and so are the default fallbacks. */
function readFallbacks(list: unknown, defaults: unknown, report: string[]): Configuration['fallbacks'] {
  const fallbacks = new Map<string, string[]>();
  for (const [index, item] of (Array.isArray(list) ? list : []).entries()) {
    for (const [model, targets] of Object.entries(isMapping(item) ? item : {})) {
      const names = (Array.isArray(targets) ? targets : [targets]).filter((name) => typeof name === 'string');
      if (Array.isArray(targets) && names.length < targets.length) {
        report.push(`fallbacks[${index}].${model}: only names of models are understood.`);
      }
      // LiteLLM takes the first entry that names the model.
      if (!fallbacks.has(model)) fallbacks.set(model, names);
    }
  }
  const forAll = (Array.isArray(defaults) ? defaults : []).filter((name) => typeof name === 'string');
  if (forAll.length > 0 && !fallbacks.has('*')) fallbacks.set('*', forAll);
  return fallbacks;
}

function reportSettings(root: Mapping, report: string[]): void {
  for (const [section, value] of Object.entries(root)) {
    if (!readSections.has(section)) {
      report.push(`${section}: not done yet.`);
      continue;
    }
    const known = readSettings[section];
    if (known === undefined || !isMapping(value)) continue;
    for (const key of Object.keys(value)) {
      if (!known.has(key)) report.push(`${section}.${key}: ${clauses[`${section}.${key}`] ?? 'not done yet'}.`);
    }
  }
}
