import type { JwtIssuer } from '../config/jwt-issuer.ts';
import type { ModelGroups } from '../config/snapshot.ts';
import type { Caller } from '../policy/caller.ts';
import { buildCaller, type EntitySource, withGroups } from './build-caller.ts';
import { effectivePolicy } from './effective-policy.ts';
import type { EndUser, EndUserSource } from './end-user.ts';
import type { Entity, EntityKind, StoredPolicy } from './entity.ts';
import type { SecretDigest } from './secret-digest.ts';

type LevelKind = 'organisation' | 'team' | 'user';
const levelKinds: ReadonlySet<string> = new Set<LevelKind>(['organisation', 'team', 'user']);
/** What no key follows from: a change of one leaves all callers as they are. */
const besideKeys: ReadonlySet<string> = new Set<EntityKind>(['end-user', 'tag', 'budget', 'credential', 'model']);

interface EndUserRecord {
  readonly entity: Entity;
  /** Made when a request asks, and anew after a change of what it follows from. */
  made: EndUser | undefined;
}

interface KeyRecord {
  readonly entity: Entity;
  readonly caller: Caller;
  /** Digests by which requests found it so far: forgotten with it. */
  readonly learned: string[];
}

/** A caller, and until when the key that was presented stands for it. */
export interface FoundKey {
  readonly caller: Caller;
  /** Unix milliseconds; set for a key that was replaced by another. */
  readonly untilMs: number | undefined;
}

/**
 * All entities in memory, and the callers that follow from them. Nothing here waits: a change is put in between two
 * requests, whole. What a request costs is one look-up by the SHA-256 of its key; the first with a key costs a keyed
 * digest besides.
 */
export class KeyDirectory implements EntitySource, EndUserSource {
  readonly #digest: SecretDigest;
  readonly #entities = new Map<string, Entity>();
  readonly #groups = new Map<string, Entity>();
  #configuredGroups: ModelGroups = new Map();
  #issuerPolicies: Readonly<Record<string, StoredPolicy>> = {};
  /** Levels by `kind name`. */
  readonly #levels = new Map<string, Entity>();
  readonly #endUsers = new Map<string, EndUserRecord>();
  #revision = 0;
  readonly #memberships = new Map<string, Entity>();
  readonly #keys = new Map<string, KeyRecord>();
  /** By keyed digest, as stored. */
  readonly #byDigest = new Map<string, string>();
  /** By SHA-256 of the key; only of keys that were presented and found, so no more than there are digests. */
  readonly #learned = new Map<string, FoundKey>();

  constructor(digest: SecretDigest) {
    this.#digest = digest;
  }

  get keyCount(): number {
    return this.#keys.size;
  }

  /** Another after every change: what was made of the entities is to be made anew. */
  get revision(): number {
    return this.#revision;
  }

  /** @param reference The name of a level, or its id. */
  level(kind: LevelKind, reference: string): Entity | undefined {
    const byId = this.#entities.get(reference);
    return this.#levels.get(`${kind} ${reference}`) ?? (byId?.kind === kind ? byId : undefined);
  }

  get endUserCount(): number {
    return this.#endUsers.size;
  }

  endUser(name: string): EndUser | undefined {
    const record = this.#endUsers.get(name);
    if (record === undefined) return undefined;
    record.made ??= endUserOf(record.entity, this);
    return record.made;
  }

  /** Those that a reusable budget holds for. Looks at everything: for those who administer. */
  referringTo(budgetId: string): Entity[] {
    return [...this.#entities.values()].filter(({ body }) => body.budgetIds?.includes(budgetId) === true);
  }

  byId(id: string): Entity | undefined {
    return this.#entities.get(id);
  }

  /** All entities of a kind, in no order. */
  ofKind(kind: EntityKind): Entity[] {
    return [...this.#entities.values()].filter((entity) => entity.kind === kind);
  }

  modelsOfGroup(name: string): readonly string[] | undefined {
    return this.#configuredGroups.get(name) ?? this.#groups.get(name)?.body.models;
  }

  /** @param groups Those of the configuration file, which hold before stored ones of the same name. */
  configureGroups(groups: ModelGroups): void {
    if (Bun.deepEquals(groups, this.#configuredGroups)) return;
    this.#configuredGroups = groups;
    this.#revision++;
    this.#rebuild(() => true);
    for (const record of this.#endUsers.values()) record.made = undefined;
  }

  policyOfIssuer(name: string): StoredPolicy | undefined {
    return Object.hasOwn(this.#issuerPolicies, name) ? this.#issuerPolicies[name] : undefined;
  }

  configureIssuers(issuers: readonly JwtIssuer[]): void {
    const policies = Object.fromEntries(issuers.map(({ name, policy }) => [name, policy]));
    if (Bun.deepEquals(policies, this.#issuerPolicies)) return;
    this.#issuerPolicies = policies;
    this.#rebuild(({ body }) => body.issuer !== undefined);
  }

  membership(userId: string, ofId: string): Entity | undefined {
    return this.#memberships.get(`${userId} ${ofId}`);
  }

  /** @param sha256 Lower-case hex SHA-256 of a key. */
  find(sha256: string): FoundKey | undefined {
    const learned = this.#learned.get(sha256);
    if (learned !== undefined || this.#byDigest.size === 0) return learned;
    const digest = this.#digest.ofKey(sha256);
    const record = this.#keys.get(this.#byDigest.get(digest) ?? '');
    if (record === undefined) return undefined;
    const { entity, caller } = record;
    const found = { caller, untilMs: digest === entity.digest ? undefined : (entity.body.previousUntilMs ?? 0) };
    this.#learned.set(sha256, found);
    record.learned.push(sha256);
    return found;
  }

  /** Takes changes over: entities as they are now, and ids of those that are gone. */
  apply(changed: readonly Entity[], gone: readonly string[] = []): void {
    const isBeside = (entity: Entity | undefined) => entity === undefined || besideKeys.has(entity.kind);
    if (!changed.every(isBeside) || !gone.every((id) => isBeside(this.#entities.get(id)))) this.#revision++;
    const levels = new Set<string>();
    let reachesAll = false;
    const touch = ({ kind, id }: Entity) => {
      if (kind !== 'key' && !besideKeys.has(kind)) levels.add(id);
      reachesAll ||= kind === 'model-group' || kind === 'membership';
    };
    for (const id of [...gone, ...changed.map((entity) => entity.id)]) {
      const before = this.#entities.get(id);
      if (before === undefined) continue;
      touch(before);
      this.#forget(before);
    }
    for (const entity of changed) {
      touch(entity);
      this.#remember(entity);
    }
    for (const entity of changed) if (entity.kind === 'key') this.#build(entity);
    if (levels.size === 0) return;
    // What they may use can follow from a group of models.
    if (reachesAll) for (const record of this.#endUsers.values()) record.made = undefined;
    this.#rebuild((entity) => {
      const above = [entity.organisationId, entity.teamId, entity.projectId, entity.userId];
      return reachesAll || above.some((id) => id !== undefined && levels.has(id));
    });
  }

  #forget(entity: Entity): void {
    this.#entities.delete(entity.id);
    this.#levels.delete(`${entity.kind} ${entity.name}`);
    this.#groups.delete(entity.kind === 'model-group' ? entity.name : '');
    if (entity.kind === 'end-user') this.#endUsers.delete(entity.name);
    this.#memberships.delete(membershipPlace(entity) ?? '');
    if (entity.kind !== 'key') return;
    this.#dropRecord(entity.id);
    for (const digest of [entity.digest, entity.previousDigest]) this.#byDigest.delete(digest ?? '');
  }

  #remember(entity: Entity): void {
    this.#entities.set(entity.id, entity);
    if (levelKinds.has(entity.kind)) this.#levels.set(`${entity.kind} ${entity.name}`, entity);
    if (entity.kind === 'model-group') this.#groups.set(entity.name, entity);
    if (entity.kind === 'end-user') this.#endUsers.set(entity.name, { entity, made: undefined });
    const place = membershipPlace(entity);
    if (place !== undefined) this.#memberships.set(place, entity);
    if (entity.kind !== 'key') return;
    for (const digest of [entity.digest, entity.previousDigest]) {
      if (digest !== undefined) this.#byDigest.set(digest, entity.id);
    }
  }

  #dropRecord(id: string): void {
    for (const sha256 of this.#keys.get(id)?.learned ?? []) this.#learned.delete(sha256);
    this.#keys.delete(id);
  }

  #rebuild(isReached: (key: Entity) => boolean): void {
    // A copy: building puts each record anew at the end of the map.
    for (const { entity } of [...this.#keys.values()]) if (isReached(entity)) this.#build(entity);
  }

  #build(entity: Entity): void {
    this.#dropRecord(entity.id);
    this.#keys.set(entity.id, { entity, caller: buildCaller(entity, this), learned: [] });
  }
}

function membershipPlace(entity: Entity): string | undefined {
  return entity.kind === 'membership' ? `${entity.userId} ${entity.teamId ?? entity.organisationId}` : undefined;
}

function endUserOf({ body }: Entity, source: EntitySource): EndUser {
  const { policy } = body;
  return {
    isBlocked: body.isBlocked === true,
    policy: policy && effectivePolicy([withGroups(policy, source)]),
  };
}
