import { type LevelScope, readLevelBudget, readLevelLimit } from '../config/level-rules.ts';
import { readMarkup } from '../config/markup-rule.ts';
import { renderPath } from '../config/problem.ts';
import { hasScope } from '../identity/admin-scope.ts';
import { type Entity, type EntityBody, readEntityRow } from '../identity/entity.ts';
import { levelOf, markupLevelOf } from '../identity/stored-rules.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { isWithin, requireUnbounded } from './reach.ts';

/**
 * Are the rules that will hold for an entity readable: its own, those of the reusable budgets it refers to, or, of such a
 * budget, for everything that refers to it?
 *
 * @throws AdminFault `body_invalid` for a budget or limit whose parts do not make a rule, `record_conflict` for one that makes
 *   none for what refers to it.
 */
export async function requireReadableRules(context: AdminContext, entity: Entity): Promise<void> {
  requireRules(levelOfEntity(context, entity), entity.body);
  for (const [index, entry] of (entity.body.markups ?? []).entries()) {
    requireRule(readMarkup(markupLevelOf(entity), entry), ['markups', index]);
  }
  const { store, directory, follow } = context.house;
  for (const [index, id] of (entity.body.budgetIds ?? []).entries()) {
    const row = await store.records.entity(id);
    if (row !== undefined) requireFits(context, entity, readEntityRow(row), renderPath(['budgetIds', index]));
  }
  if (entity.kind !== 'budget') return;
  await follow.catchUp();
  for (const referring of directory.referringTo(entity.id)) requireFits(context, referring, entity, undefined);
}

/**
 * Whoever is charged does not decide what is charged.
 *
 * @throws AdminFault `scope_missing` for markups given by a key that is bound to a level, or without `ledger:write`.
 */
export function requireMarkable(context: AdminContext): void {
  if (context.body.markups === undefined) return;
  requireUnbounded(context);
  if (hasScope(context.rights, 'ledger:write')) return;
  throw new AdminFault('scope_missing', {
    param: 'markups',
    message: `The key "${context.caller.name}" does not have ledger:write, which markups demand.`,
  });
}

/** The ids of the reusable budgets a request names. @throws AdminFault `body_invalid` for one the caller does not see. */
export async function budgetIdsOf({ house, rights }: AdminContext, references: readonly string[]): Promise<string[]> {
  const { records } = house.store;
  const ids: string[] = [];
  for (const [index, reference] of references.entries()) {
    const row = (await records.entity(reference)) ?? (await records.entityNamed('budget', reference));
    if (row === undefined || row.kind !== 'budget' || !isWithin(rights, readEntityRow(row))) {
      throw new AdminFault('body_invalid', {
        param: renderPath(['budgetIds', index]),
        message: `There is no budget "${reference}".`,
        hint: 'Give its id or its name.',
      });
    }
    if (!ids.includes(row.id)) ids.push(row.id);
  }
  return ids;
}

/** @throws AdminFault `record_conflict` when something refers to the reusable budget. */
export async function requireUnreferred({ house }: AdminContext, { kind, id, name }: Entity): Promise<void> {
  if (kind !== 'budget') return;
  await house.follow.catchUp();
  const [referring] = house.directory.referringTo(id);
  if (referring === undefined) return;
  throw new AdminFault('record_conflict', {
    message: `The ${referring.kind} "${referring.name}" refers to the budget "${name}".`,
    hint: 'Take it out of its budgetIds first.',
  });
}

function levelOfEntity({ house }: AdminContext, entity: Entity): LevelScope {
  return levelOf(entity, (id) => (id === undefined ? undefined : house.directory.byId(id))) ?? {};
}

function requireFits(context: AdminContext, referring: Entity, budget: Entity, param: string | undefined): void {
  try {
    requireRules(levelOfEntity(context, referring), budget.body);
  } catch (error) {
    if (!(error instanceof AdminFault)) throw error;
    throw new AdminFault('record_conflict', {
      ...(param !== undefined && { param }),
      message: `The budget "${budget.name}" cannot hold for the ${referring.kind} "${referring.name}": ${error.message}`,
    });
  }
}

function requireRules(level: LevelScope, { budgets = [], limits = [] }: EntityBody): void {
  for (const [index, entry] of budgets.entries()) requireRule(readLevelBudget(level, entry), ['budgets', index]);
  for (const [index, entry] of limits.entries()) requireRule(readLevelLimit(level, entry), ['limits', index]);
}

function requireRule(found: object | { message: string; hint: string }, path: readonly PropertyKey[]): void {
  if (!('message' in found)) return;
  const param = renderPath(path);
  throw new AdminFault('body_invalid', { param, message: `${param} ${found.message}.`, hint: found.hint });
}
