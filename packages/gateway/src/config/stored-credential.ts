/** A credential of a provider that is kept in the database, opened. */
export interface StoredCredential {
  readonly name: string;
  readonly providerId: string;
  /** Secret. */
  readonly secret: string;
  /** Where it may be sent; absent: the provider's own address. */
  readonly baseUrl: string | undefined;
  /** Extra outgoing headers. Secret too. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of one that was rotated with grace. */
  readonly previous?: PreviousSecret | undefined;
}

/** What a credential was before, for when the provider does not take what it is now. */
export interface PreviousSecret {
  readonly secret: string;
  /** Unix milliseconds. */
  readonly untilMs: number;
}

/** Looks shared credentials up by name. */
export type CredentialSource = (name: string) => StoredCredential | CredentialLack;

/** Why a credential cannot be used. */
export interface CredentialLack {
  readonly lack: string;
}
