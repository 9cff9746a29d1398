import type { EndpointEntry } from '../config/endpoint-schema.ts';
import type { MarkupEntry } from '../config/markup-rule.ts';
import type { GroupedPolicy } from '../config/policy.ts';
import type { LevelBudgetEntry, LevelLimitEntry } from '../config/rule-schemas.ts';
import type { BudgetFallbacks } from '../config/snapshot.ts';
import type { EntityRow } from '../store/store.ts';
import type { AdminScope, Role } from './admin-scope.ts';
import type { Credits } from './credits.ts';

/** The kinds of entities, each with the letters its ids begin with. */
export const entityKinds = {
  organisation: 'org',
  team: 'team',
  user: 'user',
  'service-account': 'svc',
  project: 'proj',
  membership: 'mem',
  'model-group': 'group',
  key: 'key',
  credential: 'cred',
  'end-user': 'eu',
  tag: 'tag',
  budget: 'budget',
  model: 'model',
} as const;
export type EntityKind = keyof typeof entityKinds;

/** A policy as it is stored. */
export interface StoredPolicy extends GroupedPolicy {
  /** Of several levels, the innermost that names a model decides about it. */
  readonly fallbackModels?: BudgetFallbacks | undefined;
  /** May requests bring credentials along? One level has to say so, and none may deny it. */
  readonly allowRequestCredentials?: boolean | undefined;
}

export interface LitellmMemory {
  /** Durations as they were written: `30d` and `1mo` are one budget. */
  readonly budgetDuration?: string | undefined;
  readonly budgetLimitDurations?: readonly string[] | undefined;
  readonly userRole?: string | undefined;
}

/** What the kinds keep beside the columns they share. Each uses some of it. */
export interface EntityBody {
  readonly displayName?: string | undefined;
  readonly description?: string | undefined;
  /** Of a user. */
  readonly email?: string | undefined;
  /** Facts of the client's own, which mean nothing here. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** What the LiteLLM face needs to give back as it was given, and means nothing here. */
  readonly litellm?: LitellmMemory | undefined;
  readonly isBlocked?: boolean | undefined;
  readonly policy?: StoredPolicy | undefined;
  /** Of what is charged, and of reusable budgets; checked by their readers before they are stored. */
  readonly budgets?: readonly LevelBudgetEntry[] | undefined;
  readonly limits?: readonly LevelLimitEntry[] | undefined;
  /** What is charged beyond the cost, by time; of keys, projects, teams and organisations. */
  readonly markups?: readonly MarkupEntry[] | undefined;
  /** Ids of `budget` entities whose rules hold for this one too, with accounts of its own. */
  readonly budgetIds?: readonly string[] | undefined;
  /** What was spent before counts under none of its budgets, Unix milliseconds. */
  readonly budgetsCountFromMs?: number | undefined;
  /** What was paid in for a level, which then spends no more than that. */
  readonly credits?: Credits | undefined;
  /** Of a model group. */
  readonly models?: readonly string[] | undefined;
  /** Of a model, as in the file. */
  readonly endpoints?: readonly (string | EndpointEntry)[] | undefined;
  readonly fallbacks?: readonly string[] | undefined;
  readonly retries?: number | undefined;
  /** Of a membership. */
  readonly role?: Role | undefined;
  /** Of a key: its first and last characters, to be recognised by; of a credential, its last four. */
  readonly hint?: string | undefined;
  readonly source?: 'generated' | 'custom' | 'imported' | undefined;
  /** Of a key that was made with a token, or with a key so made: the issuer, whose policy holds for it too. */
  readonly issuer?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly adminScopes?: readonly AdminScope[] | undefined;
  /** Of a key that was rotated: until when the previous one is accepted, Unix milliseconds. */
  readonly previousUntilMs?: number | undefined;
  /** Of a credential: the id of its provider. */
  readonly provider?: string | undefined;
  readonly baseUrl?: string | undefined;
  /** The names of its headers, whose values are sealed. */
  readonly headerNames?: readonly string[] | undefined;
  /** Its secrets, encrypted: see `sealCredential`. Never shown. */
  readonly sealed?: string | undefined;
  /** Counts the changes of its secrets. */
  readonly secretVersion?: number | undefined;
  readonly secretChangedAtMs?: number | undefined;
  /** The key it belongs to. */
  readonly keyId?: string | undefined;
}

export interface Entity extends Omit<EntityRow, 'kind' | 'body'> {
  readonly kind: EntityKind;
  readonly body: EntityBody;
}

export function readEntityRow(row: EntityRow): Entity {
  return { ...row, kind: row.kind as EntityKind, body: JSON.parse(row.body) as EntityBody };
}

export function writeEntityRow(entity: Entity): EntityRow {
  return { ...entity, body: JSON.stringify(entity.body) };
}
