import { readLevelBudget, readLevelLimit } from '../config/level-rules.ts';
import { renderPath } from '../config/problem.ts';
import type { EntityBody } from '../identity/entity.ts';
import { AdminFault } from './admin-fault.ts';

/** @throws AdminFault `body_invalid` for a budget or limit whose parts do not make a rule. */
export function requireReadableRules({ budgets = [], limits = [] }: EntityBody): void {
  for (const [index, entry] of budgets.entries()) requireRule(readLevelBudget({}, entry), ['budgets', index]);
  for (const [index, entry] of limits.entries()) requireRule(readLevelLimit({}, entry), ['limits', index]);
}

function requireRule(found: object | { message: string; hint: string }, path: readonly PropertyKey[]): void {
  if (!('message' in found)) return;
  const param = renderPath(path);
  throw new AdminFault('body_invalid', { param, message: `${param} ${found.message}.`, hint: found.hint });
}
