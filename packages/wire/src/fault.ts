/**
 * The catalogue of ways an exchange can fail. Source of truth for `docs/errors.md`, for the HTTP status in every
 * dialect, and for whether trying elsewhere makes sense.
 *
 * `blame` says who must act: the `caller` (the request), the `operator` (configuration, credentials, policy), the
 * `upstream` (provider or network), or the `gateway` itself.
 * `retry` says what helps: `never` (the same request fails again), `later` (same place, after a wait), `elsewhere`
 * (another endpoint may serve it).
 */
export const faults = {
  // The request as such.
  body_malformed: { status: 400, blame: 'caller', retry: 'never', says: 'The body is not valid JSON.' },
  body_ambiguous: { status: 400, blame: 'caller', retry: 'never', says: 'The body names a field twice in one object.' },
  body_too_deep: { status: 400, blame: 'caller', retry: 'never', says: 'The body is nested too deeply.' },
  body_too_large: { status: 413, blame: 'caller', retry: 'never', says: 'The body is larger than allowed.' },
  body_invalid: { status: 400, blame: 'caller', retry: 'never', says: 'A field is missing or has the wrong type.' },
  body_timeout: { status: 408, blame: 'caller', retry: 'later', says: 'The body did not arrive in time.' },
  feature_unsupported: {
    status: 400,
    blame: 'caller',
    retry: 'elsewhere',
    says: 'The provider has no way to do what was asked.',
  },
  route_unknown: { status: 404, blame: 'caller', retry: 'never', says: 'No such path.' },
  method_not_allowed: { status: 405, blame: 'caller', retry: 'never', says: 'The path does not answer this method.' },

  // Who is calling, and what they may use.
  key_missing: { status: 401, blame: 'caller', retry: 'never', says: 'No API key was sent.' },
  key_unknown: { status: 401, blame: 'caller', retry: 'never', says: 'The API key is not known.' },
  token_invalid: { status: 401, blame: 'caller', retry: 'never', says: 'The token is not accepted.' },
  token_unverified: {
    status: 503,
    blame: 'operator',
    retry: 'later',
    says: 'The token cannot be checked now: its issuer does not give its public keys.',
  },
  key_expired: { status: 401, blame: 'caller', retry: 'never', says: 'The API key is no longer valid.' },
  key_blocked: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'The API key, or what it belongs to, is blocked.',
  },
  end_user_blocked: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'The end user the request is for is blocked.',
  },
  end_user_unknown: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'The end user the request is for is not stored, and has to be.',
  },
  tags_missing: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'The API key, or the request, lacks a tag it must carry.',
  },
  address_forbidden: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'The API key may not be used from this address.',
  },
  credential_forbidden: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'This key may not bring credentials of providers along.',
  },
  credential_invalid: {
    status: 400,
    blame: 'caller',
    retry: 'never',
    says: 'The credentials brought along cannot be read.',
  },
  operation_forbidden: { status: 403, blame: 'operator', retry: 'never', says: 'This key may not use the operation.' },
  output_forbidden: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'This key may not ask for so much output.',
  },
  parameter_forbidden: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'This key may not send the field, or not with that value.',
  },
  priority_invalid: { status: 400, blame: 'caller', retry: 'never', says: 'There is no such priority.' },
  priority_forbidden: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'This key may not ask for so high a priority.',
  },
  data_forbidden: {
    status: 403,
    blame: 'operator',
    retry: 'never',
    says: 'This key may not send data to any endpoint of the model: their terms do not allow it.',
  },
  model_forbidden: { status: 403, blame: 'operator', retry: 'never', says: 'This key may not use the model.' },
  model_unknown: { status: 404, blame: 'caller', retry: 'never', says: 'No such model here.' },
  model_unavailable: {
    status: 503,
    blame: 'operator',
    retry: 'later',
    says: 'The model is configured but no endpoint can serve it.',
  },
  rate_limited: { status: 429, blame: 'caller', retry: 'later', says: 'A limit of the gateway is reached.' },
  budget_spent: { status: 402, blame: 'operator', retry: 'later', says: 'A budget does not allow the call.' },
  quota_unavailable: {
    status: 503,
    blame: 'operator',
    retry: 'later',
    says: 'What all processes together have spent, or used, cannot be asked.',
  },
  cost_unbounded: {
    status: 402,
    blame: 'caller',
    retry: 'never',
    says: 'Nobody knows the most the request can cost, and a budget must not be crossed.',
  },
  price_unknown: {
    status: 402,
    blame: 'operator',
    retry: 'never',
    says: 'A budget holds, and the price of the call is not known.',
  },

  // The admin API.
  scope_missing: { status: 403, blame: 'operator', retry: 'never', says: 'This key may not do that here.' },
  record_unknown: { status: 404, blame: 'caller', retry: 'never', says: 'There is no such record.' },
  record_conflict: { status: 409, blame: 'caller', retry: 'never', says: 'The record stands against another.' },
  version_conflict: { status: 412, blame: 'caller', retry: 'never', says: 'The record was changed meanwhile.' },
  idempotency_mismatch: {
    status: 422,
    blame: 'caller',
    retry: 'never',
    says: 'The idempotency key was used for another request.',
  },
  store_unavailable: { status: 503, blame: 'operator', retry: 'later', says: 'The database cannot be used now.' },

  // The provider and the way to it.
  upstream_refused: { status: 502, blame: 'upstream', retry: 'elsewhere', says: 'The provider could not be reached.' },
  upstream_connect_timeout: {
    status: 504,
    blame: 'upstream',
    retry: 'elsewhere',
    says: 'No connection to the provider in time.',
  },
  upstream_first_byte_timeout: {
    status: 504,
    blame: 'upstream',
    retry: 'elsewhere',
    says: 'The provider sent no first byte in time.',
  },
  upstream_stalled: { status: 504, blame: 'upstream', retry: 'elsewhere', says: 'The provider stopped sending.' },
  upstream_timeout: {
    status: 504,
    blame: 'upstream',
    retry: 'elsewhere',
    says: 'The provider did not finish in time.',
  },
  upstream_cut_short: {
    status: 502,
    blame: 'upstream',
    retry: 'elsewhere',
    says: 'The provider closed the connection before it was done.',
  },
  upstream_garbled: {
    status: 502,
    blame: 'upstream',
    retry: 'elsewhere',
    says: 'The provider sent something that is no answer.',
  },
  upstream_too_large: { status: 502, blame: 'upstream', retry: 'never', says: 'The answer is larger than allowed.' },
  upstream_rejected: { status: 400, blame: 'caller', retry: 'never', says: 'The provider rejected the request.' },
  upstream_unauthorized: {
    status: 401,
    blame: 'operator',
    retry: 'elsewhere',
    says: 'The provider rejected the credential.',
  },
  upstream_forbidden: {
    status: 403,
    blame: 'operator',
    retry: 'elsewhere',
    says: 'The credential may not do this at the provider.',
  },
  upstream_not_found: {
    status: 404,
    blame: 'operator',
    retry: 'elsewhere',
    says: 'The provider knows no such model or path.',
  },
  upstream_rate_limited: { status: 429, blame: 'upstream', retry: 'elsewhere', says: 'The provider limits the rate.' },
  upstream_overloaded: { status: 529, blame: 'upstream', retry: 'elsewhere', says: 'The provider is overloaded.' },
  upstream_failed: { status: 500, blame: 'upstream', retry: 'elsewhere', says: 'The provider failed.' },

  // The gateway itself.
  client_gone: { status: 499, blame: 'caller', retry: 'never', says: 'The client closed the connection.' },
  shutting_down: { status: 503, blame: 'gateway', retry: 'later', says: 'The gateway is shutting down.' },
  overloaded: { status: 503, blame: 'gateway', retry: 'later', says: 'The gateway has as much work as it can take.' },
  keys_stale: {
    status: 503,
    blame: 'operator',
    retry: 'later',
    says: 'Whether the API key still holds is not known: the database has been away for too long.',
  },
  ledger_unavailable: {
    status: 503,
    blame: 'operator',
    retry: 'later',
    says: 'What the call costs cannot be recorded now.',
  },
  internal: { status: 500, blame: 'gateway', retry: 'later', says: 'The gateway failed.' },
} as const satisfies Record<string, FaultKind>;

interface FaultKind {
  status: number;
  blame: 'caller' | 'operator' | 'upstream' | 'gateway';
  retry: 'never' | 'later' | 'elsewhere';
  says: string;
}

export type FaultCode = keyof typeof faults;

export interface FaultDetails {
  /** What a person needs to know and do. Defaults to the catalogue's sentence. Never contains a secret. */
  message?: string;
  /** The field at fault, as a path in the caller's own dialect: `messages[0].content`. */
  param?: string;
  /** Status to answer with, when the upstream's own is to be kept. Defaults to the catalogue's. */
  status?: number;
  /** How long to wait before trying again. */
  retryAfterMs?: number;
  /** What the provider itself said. */
  upstream?: UpstreamError;
  cause?: unknown;
}

/** A provider's own words about a failure. */
export interface UpstreamError {
  /** Provider id, filled in by the gateway. */
  provider?: string;
  status?: number;
  requestId?: string;
  message?: string;
  /** The provider's error type and code (`rate_limit_error`, `insufficient_quota`…). */
  type?: string;
  code?: string;
  /** The offending field, in the provider's words. */
  param?: string;
}

/** The one error of Turnpike. Everything that is not an expected outcome is thrown or carried as a Fault. */
export class Fault extends Error {
  readonly code: FaultCode;
  readonly status: number;
  readonly param: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly upstream: UpstreamError | undefined;

  constructor(code: FaultCode, details: FaultDetails = {}) {
    super(details.message ?? faults[code].says, { cause: details.cause });
    this.name = 'Fault';
    this.code = code;
    this.status = details.status ?? faults[code].status;
    this.param = details.param;
    this.retryAfterMs = details.retryAfterMs;
    this.upstream = details.upstream;
  }

  get blame(): FaultKind['blame'] {
    return faults[this.code].blame;
  }

  get retry(): FaultKind['retry'] {
    return faults[this.code].retry;
  }
}

/** The fault that a provider's HTTP status stands for. 2xx is not an error and gives `upstream_garbled`. */
export function faultCodeOfStatus(status: number): FaultCode {
  if (status === 401) return 'upstream_unauthorized';
  if (status === 403) return 'upstream_forbidden';
  if (status === 404) return 'upstream_not_found';
  if (status === 408) return 'upstream_timeout';
  // A conflict is about the moment, not the request: the same may work in the next.
  if (status === 409) return 'upstream_failed';
  if (status === 429) return 'upstream_rate_limited';
  if (status === 503 || status === 529) return 'upstream_overloaded';
  if (status >= 500) return 'upstream_failed';
  if (status >= 400) return 'upstream_rejected';
  return 'upstream_garbled';
}
