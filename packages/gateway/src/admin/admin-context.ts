import type { Configuration } from '../config/configuration.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { AdminRights } from '../identity/admin-scope.ts';
import type { CredentialVault } from '../identity/credential-vault.ts';
import type { Entity } from '../identity/entity.ts';
import type { FollowStore } from '../identity/follow-store.ts';
import type { KeyDirectory } from '../identity/key-directory.ts';
import type { SecretDigest } from '../identity/secret-digest.ts';
import type { SecretRing } from '../identity/secret-ring.ts';
import type { Retention } from '../ledger/retention.ts';
import type { Budgets } from '../policy/budgets/budgets.ts';
import type { Caller } from '../policy/caller.ts';
import type { KeyTable } from '../policy/identify.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';

/** What the admin API needs from its house. */
export interface AdminHouse {
  readonly store: Store;
  readonly digest: SecretDigest;
  readonly secrets: SecretRing;
  readonly directory: KeyDirectory;
  readonly follow: FollowStore;
  readonly vault: CredentialVault;
  /** Tells the other processes of a fleet of a change in the store; resolves when they have it. Never rejects. */
  readonly announce: () => Promise<void>;
  readonly snapshot: () => Snapshot;
  /** What the configuration files say. */
  readonly configuration: () => Configuration;
  readonly keys: () => KeyTable;
  readonly budgets: Budgets;
  readonly retention: Retention;
  readonly log: Log;
  /** Writes what waits for the exchange log, so that it can be read. */
  readonly flushLogs: () => Promise<void>;
}

/** One request to the admin API, its sender known and found to have the operation's scope. */
export interface AdminContext {
  readonly house: AdminHouse;
  readonly caller: Caller;
  readonly rights: AdminRights;
  /** The client's address; empty when it is not known. */
  readonly origin: string;
  /** What stands for `{id}` in the path; empty where there is none. */
  readonly id: string;
  /** Checked by the operation's schema. */
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>>;
  /** Entities that the same request makes besides: nothing is stored yet, and they can be referred to. */
  readonly drafted?: readonly Entity[];
  /** The version the client has seen, from `If-Match`. */
  readonly expectedVersion: number | undefined;
  readonly idempotency: { readonly key: string; readonly requestHash: string } | undefined;
}

export interface AdminAnswer {
  readonly status: number;
  /** JSON, or a body that is sent as it is. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}
