import type { DataTerms } from '../catalog/data-terms.ts';
import type { Price } from '../catalog/price.ts';
import type { Provider } from '../providers/provider.ts';
import type { AlertWebhook } from './alert-settings.ts';
import type { BudgetRule } from './budget-rule.ts';
import { type EndUserSettings, endUserDefaults } from './end-user-settings.ts';
import type { JwtIssuer } from './jwt-issuer.ts';
import { type LedgerSettings, ledgerDefaults } from './ledger-settings.ts';
import type { LimitRule } from './limit-rule.ts';
import type { MarkupRule } from './markup-rule.ts';
import type { Policy } from './policy.ts';
import type { RetentionSettings } from './retention-settings.ts';
import type { ConfiguredKey, Deadlines, ModelGroups, ServerSettings } from './snapshot.ts';

/** Variables of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What configuration files say, read and checked, in one form whatever file it came from. Nothing of it depends on
 * which credentials happen to be set; {@link buildSnapshot} adds that.
 */
export interface Configuration {
  readonly kind: 'turnpike' | 'litellm' | 'none';
  /** Every file that was read, to be watched. Absolute paths. */
  readonly files: readonly string[];
  /** Variables set by the configuration itself, over the environment. */
  readonly variables: Environment;
  readonly listen: { readonly port: number | undefined; readonly host: string | undefined };
  readonly server: ServerSettings;
  readonly ledger: LedgerSettings;
  readonly retention: RetentionSettings;
  readonly endUsers: EndUserSettings;
  /** What every caller is held to, but for the admin key. */
  readonly policy?: Policy | undefined;
  readonly byokCounts: boolean;
  readonly keys: readonly ConfiguredKey[];
  readonly alertWebhook: AlertWebhook | undefined;
  readonly cutOffMaxMs: number | undefined;
  readonly modelGroups: ModelGroups;
  readonly jwtIssuers: readonly JwtIssuer[];
  readonly limits: readonly LimitRule[];
  readonly budgets: readonly BudgetRule[];
  readonly markups: readonly MarkupRule[];
  /** Providers named in the file: the table's with changes, or ones of the operator's own. */
  readonly providers: readonly ConfiguredProvider[];
  readonly models: readonly ConfiguredModel[];
  /** Other names for models. Hidden ones work but are not listed. */
  readonly aliases: ReadonlyMap<string, { readonly model: string; readonly hidden: boolean }>;
  readonly defaults: { readonly deadlines: Deadlines; readonly retries: number };
  /** Models to try when one failed, by its name or a pattern; `*` is for all. */
  readonly fallbacks: ReadonlyMap<string, readonly string[]>;
  /** Are providers available whose usual environment variables are set, without being named here? */
  readonly discovery: boolean;
  /** Undefined: when nothing else is available. */
  readonly sandbox: boolean | undefined;
}

export interface ConfiguredProvider {
  readonly provider: Provider;
  /** Secret. Absent: from the provider's environment variables. */
  readonly apiKey: string | undefined;
  /** True when the file moves it; then the environment does not. */
  readonly isAddressConfigured: boolean;
}

export interface ConfiguredModel {
  /** May hold `*`. */
  readonly name: string;
  readonly endpoints: readonly ConfiguredEndpoint[];
  /** Absent: from {@link Configuration.fallbacks}. */
  readonly fallbacks: readonly string[] | undefined;
  readonly retries: number | undefined;
  /** A pattern whose end is open, as LiteLLM compares. */
  readonly isOpenEnded: boolean;
}

export interface ConfiguredEndpoint {
  readonly id: string | undefined;
  /** Absent: told by the model's name at the time of the call (`*` for everything). */
  readonly providerId: string | undefined;
  /** May hold `*`, filled from the name's captures. */
  readonly model: string;
  /** Secret. */
  readonly apiKey: string | undefined;
  /** The name of a stored credential, instead. */
  readonly credential: string | undefined;
  readonly baseUrl: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly weight: number;
  readonly order: number;
  readonly deadlines: Partial<Deadlines>;
  readonly price: Price | undefined;
  readonly inputTokensMax?: number | undefined;
  readonly outputTokensMax?: number | undefined;
  readonly data?: DataTerms | undefined;
  readonly limits: readonly LimitRule[];
  /** The model whose catalogue price holds, when it is not `model` (a deployment with a name of its own). */
  readonly priceModel: string | undefined;
  /**
   * Is the provider's own credential sent to this endpoint's address too? Turnpike does not send a credential to
   * another address than the one it was given for; LiteLLM does, and its files are taken as they are.
   */
  readonly inheritsCredential: boolean;
}

export const serverDefaults: ServerSettings = {
  bodyBytesMax: 32 * 1024 * 1024,
  responseBytesMax: 256 * 1024 * 1024,
  keepAliveMs: 15_000,
  shutdownGraceMs: 30_000,
  exchangesMax: 4096,
  cors: { origins: [] },
  trustedProxies: [],
};

/**
 * The first byte of a whole answer comes when the model is done, and reasoning models take minutes: ten, as the usual
 * client libraries wait. Between two chunks of a stream, two minutes of silence mean that nothing more comes.
 */
export const deadlineDefaults: Deadlines = {
  connectMs: 10_000,
  firstByteMs: 600_000,
  betweenChunksMs: 120_000,
  totalMs: 3_600_000,
};

export const retriesDefault = 2;

/** What is in force when there is no file. */
export const emptyConfiguration: Configuration = {
  kind: 'none',
  files: [],
  variables: {},
  listen: { port: undefined, host: undefined },
  server: serverDefaults,
  ledger: ledgerDefaults,
  retention: {},
  endUsers: endUserDefaults,
  byokCounts: false,
  keys: [],
  alertWebhook: undefined,
  cutOffMaxMs: undefined,
  modelGroups: new Map(),
  jwtIssuers: [],
  limits: [],
  budgets: [],
  markups: [],
  providers: [],
  models: [],
  aliases: new Map(),
  defaults: { deadlines: deadlineDefaults, retries: retriesDefault },
  fallbacks: new Map(),
  discovery: true,
  sandbox: undefined,
};
