import type { DataTerms } from '../catalog/data-terms.ts';
import type { Price } from '../catalog/price.ts';
import type { Provider } from '../providers/provider.ts';
import type { AlertWebhook } from './alert-settings.ts';
import type { BudgetRule } from './budget-rule.ts';
import type { ByokMode, Payer } from './byok.ts';
import type { EndUserSettings } from './end-user-settings.ts';
import type { IpRange } from './ip-range.ts';
import type { JwtIssuer } from './jwt-issuer.ts';
import type { LedgerSettings } from './ledger-settings.ts';
import type { LimitRule } from './limit-rule.ts';
import type { MarkupRule } from './markup-rule.ts';
import type { GroupedPolicy, Policy } from './policy.ts';
import type { ScopeType } from './scope-type.ts';
import type { PreviousSecret } from './stored-credential.ts';

/**
 * The configuration in force, whole and immutable. The data plane holds one reference and reads it without waiting;
 * a change of configuration builds a new snapshot and swaps the reference.
 */
export interface Snapshot {
  /** Increases with every change in force. */
  readonly version: number;
  /**
   * The route for a model name: configured model → wildcard → `provider/model` when that provider is available →
   * a bare name that the catalogue knows of an available provider. Undefined: no such model here.
   */
  resolveModel(name: string): ModelRoute | undefined;
  /** The route for `provider/model` of a provider that is not available but to callers with a credential of their own. */
  resolveForOwn(name: string, hasOwn: (providerId: string) => boolean): ModelRoute | undefined;
  /** Names like `name` that would work, best first, at most five. */
  nearNames(name: string): string[];
  /** Every name that can be listed (wildcards appear as patterns only in `reason`s). */
  readonly models: readonly ModelListing[];
  readonly endpoints: readonly Endpoint[];
  /** Providers known here, whether they can be called or not, by id. */
  readonly providers: ReadonlyMap<string, Provider>;
  readonly keys: readonly ConfiguredKey[];
  readonly alertWebhook: AlertWebhook | undefined;
  /** How long keys of the store and tokens are served without word from it, in milliseconds; undefined: for ever. */
  readonly cutOffMaxMs: number | undefined;
  readonly modelGroups: ModelGroups;
  /** Whose tokens stand for keys. */
  readonly jwtIssuers: readonly JwtIssuer[];
  /** Limits in force, but for those of endpoints. */
  readonly limits: readonly LimitRule[];
  readonly budgets: readonly BudgetRule[];
  readonly markups: readonly MarkupRule[];
  readonly server: ServerSettings;
  readonly ledger: LedgerSettings;
  readonly endUsers: EndUserSettings;
  /** What every caller is held to, but for the admin key. */
  readonly policy: Policy | undefined;
  /** Does what callers pay with credentials of their own count in budgets? */
  readonly byokCounts: boolean;
}

/** One provider + model + credential that can serve a model. */
export interface Endpoint {
  /** Stable over reloads as long as its configuration is: `openai/gpt-4o`, or the configured id. */
  readonly id: string;
  readonly provider: Provider;
  /** The provider's own name of the model. */
  readonly model: string;
  /** Base address, without a trailing slash. */
  readonly baseUrl: string;
  /** Secret. Never logged, never in an error. */
  readonly credential: string | undefined;
  /** Why it cannot be called, although it is configured. */
  readonly lack?: string | undefined;
  /** What the credential was before: tried when the provider refuses the present one. */
  readonly previous?: PreviousSecret | undefined;
  /** Set when the credential is a caller's own. */
  readonly payer?: Payer | undefined;
  /** Extra outgoing headers, from configuration. */
  readonly headers: Readonly<Record<string, string>>;
  /** Share of traffic among endpoints of equal order. Above 0. */
  readonly weight: number;
  /** Lower orders are tried first; higher ones only when all lower ones failed. */
  readonly order: number;
  readonly deadlines: Deadlines;
  /** Absent: unknown, and then costs are unknown, never zero. */
  readonly price: Price | undefined;
  /** The longest input the model takes, in tokens; undefined when not known. */
  readonly inputTokensMax?: number | undefined;
  /** The longest answer it gives when the request names no bound, in tokens; undefined when not known. */
  readonly outputTokensMax?: number | undefined;
  /** What becomes of what it is sent; undefined when nobody said. */
  readonly data?: DataTerms | undefined;
  /** What this endpoint takes at most, whoever asks; beyond it the plan passes it over. */
  readonly limits: readonly LimitRule[];
}

/** Bounds on waiting for an upstream, in milliseconds. Ours and separate. */
export interface Deadlines {
  /** Until a TCP connection stands. */
  readonly connectMs: number;
  /** From dispatch until response headers (whole: until the answer starts). */
  readonly firstByteMs: number;
  /** As `firstByteMs`, for streams, where a sooner answer can be expected. Absent: `firstByteMs`. */
  readonly streamFirstByteMs?: number;
  /** Between two chunks of a stream. */
  readonly betweenChunksMs: number;
  /** From dispatch until the last byte. */
  readonly totalMs: number;
}

export interface ModelRoute {
  /** The name the caller used. */
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  /** Models to try, in order, when all endpoints of this one failed. */
  readonly fallbacks: readonly string[];
  /** Tries after the first, over all endpoints of this model. */
  readonly retries: number;
  /** Why this name works, for the log and for `npm start`'s list: `configured`, `OPENAI_API_KEY is set`, … */
  readonly reason: string;
}

export interface ModelListing {
  readonly id: string;
  readonly ownedBy: string;
  readonly reason: string;
  /** Unix seconds; 0 when unknown. */
  readonly createdSec: number;
}

/** By the name of a model, cheaper ones for when a budget keeps it out. */
export type BudgetFallbacks = Readonly<Record<string, readonly string[]>>;

/** A virtual key from the configuration file. Held only as a SHA-256 digest; the plain key is not kept. */
export interface ConfiguredKey {
  readonly name: string;
  /** Lower-case hex SHA-256 of the key. */
  readonly sha256: string;
  /** Model names or wildcard patterns this key may use; absent means all. */
  readonly models: readonly string[] | undefined;
  readonly policy?: GroupedPolicy | undefined;
  /** Names of groups, whose models it may use as well. */
  readonly modelGroups?: readonly string[] | undefined;
  readonly isAdmin: boolean;
  /** For models that a budget keeps out: what to try in their place, in this order. */
  readonly fallbackModels?: BudgetFallbacks | undefined;
  /** Whose credential pays, of the request and the shared ones. */
  readonly byok?: ByokMode | undefined;
  readonly allowRequestCredentials?: boolean | undefined;
  /** What its exchanges count against beside the key itself. */
  readonly scopes: readonly { readonly type: ScopeType; readonly id: string }[];
}

/** Names of models and patterns, by the name that stands for all of them. */
export type ModelGroups = ReadonlyMap<string, readonly string[]>;

export interface ServerSettings {
  readonly bodyBytesMax: number;
  readonly responseBytesMax: number;
  /** A comment is sent on a stream that was silent for so long; 0 turns it off. */
  readonly keepAliveMs: number;
  /** How long running streams may go on after a stop signal. */
  readonly shutdownGraceMs: number;
  /** Exchanges under way at once; more are refused with `overloaded`. */
  readonly exchangesMax: number;
  readonly cors: { readonly origins: readonly string[] };
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly IpRange[];
}
