import type { ScopeType } from '../config/scope-type.ts';
import type { Entity } from '../identity/entity.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import { ledgerScopeOf } from '../policy/budgets/compiled-budget.ts';
import { concerns, instancesOf } from '../policy/rule-scope.ts';
import { type Scope, scopeKey } from '../policy/scope.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';

/** What an adjustment says it is about. */
export interface AdjustmentAbout {
  readonly scope?: Readonly<Record<string, string>>;
  readonly corrects?: string;
  readonly atMs?: number;
  readonly modelServed?: string;
}

const levelKinds = ['key', 'user', 'service-account', 'team', 'organisation', 'project'] as const;

type About = Pick<
  LedgerEntry,
  'markup' | 'scopes' | 'model' | 'provider' | 'modelServed' | 'endpoint' | 'exchangeId' | 'attempt'
>;

/** What an adjustment counts against, and its labels. @throws AdminFault `body_invalid` */
export function adjustmentScopes(context: AdminContext, about: AdjustmentAbout): Promise<About> {
  return about.corrects === undefined ? scopesGiven(context, about) : scopesOf(context, about);
}

/** A correction counts against all that the corrected entry did. @throws AdminFault `body_invalid` */
async function scopesOf({ house }: AdminContext, { corrects, scope }: AdjustmentAbout): Promise<About> {
  const corrected = corrects === undefined ? undefined : await house.store.ledgerEntry(corrects);
  if (corrected === undefined) {
    throw new AdminFault('body_invalid', { param: 'corrects', message: 'There is no such entry in the ledger.' });
  }
  if (scope !== undefined) {
    throw new AdminFault('body_invalid', {
      param: 'scope',
      message: 'A correction counts against what the corrected entry counts against.',
      hint: 'Leave scope out.',
    });
  }
  if (corrected.kind === 'top-up' || corrected.kind === 'grant') {
    throw new AdminFault('body_invalid', {
      param: 'corrects',
      message: 'What was paid in is no spending, and cannot be corrected as such.',
      hint: 'Adjust the level it was paid in for.',
    });
  }
  const { scopes, model, provider, modelServed, endpoint, exchangeId, attempt, markup } = corrected;
  return { markup, scopes, model, provider, modelServed, endpoint, exchangeId, attempt };
}

/** What is named, what that belongs to, and the names of budgets of which it moves the spending. @throws AdminFault */
async function scopesGiven(context: AdminContext, { scope = {}, modelServed, atMs }: AdjustmentAbout): Promise<About> {
  const given = new Map<ScopeType, string>();
  for (const type of levelKinds) {
    const reference = scope[type === 'service-account' ? 'serviceAccount' : type];
    if (reference !== undefined) for (const found of await levelsAt(context, type, reference)) add(given, found, type);
  }
  const { endUser, tag, model, provider } = scope;
  const ofExchange: Scope[] = [];
  if (endUser !== undefined) ofExchange.push({ type: 'end-user', id: endUser });
  if (tag !== undefined) ofExchange.push({ type: 'tag', id: tag });
  if (given.size + ofExchange.length === 0 && model === undefined && provider === undefined) {
    throw new AdminFault('body_invalid', {
      param: 'scope',
      message: 'scope names nothing that the amount counts against.',
      hint: 'Name a team, a key, a user or the like.',
    });
  }
  const levels = levelKinds.flatMap((type): Scope[] => {
    const id = given.get(type);
    return id === undefined ? [] : [{ type, id }];
  });
  const all = [...levels, ...ofExchange];
  const budgets = budgetNames(context, all, { endUser, model, provider }, atMs);
  return {
    scopes: [...new Set([...all.map(scopeKey), ...budgets])],
    model,
    provider,
    modelServed,
    endpoint: undefined,
    exchangeId: undefined,
    attempt: undefined,
  };
}

function add(given: Map<ScopeType, string>, { type, id }: Scope, field: string): void {
  const known = given.get(type);
  if (known !== undefined && known !== id) {
    throw new AdminFault('body_invalid', {
      param: `scope.${field}`,
      message: `scope.${field} belongs to another ${type} than the rest of the scope.`,
    });
  }
  given.set(type, id);
}

/** A stored level with what it belongs to, one of the configuration, or a name the ledger knows. @throws AdminFault */
async function levelsAt(
  { house }: AdminContext,
  type: (typeof levelKinds)[number],
  reference: string,
): Promise<readonly Scope[]> {
  const { records } = house.store;
  const rows = await Promise.all([records.entity(reference), records.entityNamed(type, reference)]);
  const row = rows.find((each) => each?.kind === type);
  if (row !== undefined) {
    const above = [row.organisationId, row.teamId, row.projectId, row.userId].flatMap((id) => {
      const parent = id === undefined ? undefined : house.directory.byId(id);
      return parent === undefined ? [] : [levelScope(parent)];
    });
    return [{ type, id: row.name }, ...above];
  }
  const configured = house.snapshot().keys;
  const key = type === 'key' ? configured.find(({ name }) => name === reference) : undefined;
  const own: Scope = { type, id: reference };
  if (key !== undefined) return [own, ...key.scopes.filter((scope) => scope.type !== 'tag')];
  const isConfigured = configured.some(({ scopes }) => scopes.some((each) => scopeKey(each) === scopeKey(own)));
  if (isConfigured || (await house.store.hasLedgerScope(scopeKey(own)))) return [own];
  throw new AdminFault('body_invalid', {
    param: `scope.${type}`,
    message: `There is no ${type} "${reference}", and nothing ever counted against one.`,
    hint: 'Give its id or its name.',
  });
}

function levelScope({ kind, name }: Pick<Entity, 'kind' | 'name'>): Scope {
  return { type: kind as ScopeType, id: name };
}

/** Budgets that the ledger sums under names of their own, as for an exchange of that caller. */
function budgetNames(
  { house, caller }: AdminContext,
  scopes: readonly Scope[],
  {
    endUser,
    model,
    provider,
  }: { endUser?: string | undefined; model?: string | undefined; provider?: string | undefined },
  atMs: number | undefined,
): string[] {
  const subject = {
    caller: { ...caller, scopes },
    model: model ?? '',
    endUser,
    tags: [],
    ...(provider !== undefined && { provider }),
  };
  return house.budgets.inForce.flatMap((budget) => {
    const { ledgerType, rule } = budget;
    const isAfter = rule.countsFromMs === undefined || atMs === undefined || atMs >= rule.countsFromMs;
    if (ledgerType !== undefined || !isAfter || !concerns(rule, subject.caller)) return [];
    return instancesOf(budget, subject).map((instance) => ledgerScopeOf(budget, instance));
  });
}
