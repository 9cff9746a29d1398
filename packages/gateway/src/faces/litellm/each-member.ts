import { AdminFault } from '../../admin/admin-fault.ts';
import { nanoUsdOfUsd } from '../../catalog/decimal.ts';
import type { LevelBudgetEntry, LevelLimitEntry } from '../../config/rule-schemas.ts';
import type { EntityBody } from '../../identity/entity.ts';
import { durationOfPeriod, periodOfDuration } from './duration.ts';
import { numberOfLine, usdLine } from './money.ts';
import type { LitellmAmount } from './rule-schemas.ts';
import type { TeamFields } from './team-fields.ts';

/** What holds for each member of a team apart: `team_member_budget` and its like, as rules of the team. */

const EACH: 'user'[] = ['user'];

/** @throws AdminFault `body_invalid` */
export function withMemberRules(body: EntityBody, fields: TeamFields): EntityBody {
  const { team_member_budget: amount, team_member_budget_duration: duration } = fields;
  const { team_member_rpm_limit: rpm, team_member_tpm_limit: tpm } = fields;
  let { budgets = [], limits = [] } = body;
  if (amount !== undefined || duration !== undefined) {
    const before = memberBudget(body);
    budgets = budgets.filter((entry) => entry !== before);
    const line = amount === undefined ? before?.amount : amount === null ? undefined : usdLine(amount);
    const per = duration ? periodOfDuration('team_member_budget_duration', duration) : (before?.per ?? 'lifetime');
    if (line === undefined && duration) {
      throw new AdminFault('body_invalid', {
        param: 'team_member_budget_duration',
        message: 'team_member_budget_duration goes with team_member_budget.',
      });
    }
    const kept = duration === null ? 'lifetime' : per;
    if (line !== undefined)
      budgets = [...budgets, { ...before, amount: line, per: kept, each: EACH, unpriced: 'allow' }];
  }
  if (rpm !== undefined) limits = replaced(limits, memberLimit(body, 'requests'), rpm && { requests: rpm });
  if (tpm !== undefined) limits = replaced(limits, memberLimit(body, 'tokens'), tpm && { tokens: tpm });
  return {
    ...body,
    budgets: budgets.length === 0 ? undefined : budgets,
    limits: limits.length === 0 ? undefined : limits,
  };
}

/** In LiteLLM's fields; null when there is none. */
export function shownMemberRules(body: EntityBody) {
  const budget = memberBudget(body);
  const rpm = memberLimit(body, 'requests')?.requests ?? null;
  const tpm = memberLimit(body, 'tokens')?.tokens ?? null;
  if (budget === undefined && rpm === null && tpm === null) return null;
  return {
    max_budget: numberOfLine(budget?.amount),
    budget_duration: budget === undefined ? null : durationOfPeriod(budget.per),
    rpm_limit: rpm,
    tpm_limit: tpm,
  };
}

/** A member's own budget holds beside that of each member, so it cannot be more. @throws AdminFault `body_invalid` */
export function requireWithinMemberBudget(team: EntityBody, given: LitellmAmount | null | undefined): void {
  const line = memberBudget(team)?.amount;
  if (given === null || given === undefined || line === undefined) return;
  const [own = 0n, most = 0n] = [nanoUsdOfUsd(usdLine(given)), nanoUsdOfUsd(line)];
  if (own <= most) return;
  throw new AdminFault('body_invalid', {
    param: 'max_budget_in_team',
    message: `max_budget_in_team is not supported here above the team_member_budget of ${line}: both hold.`,
    hint: 'Raise or take away team_member_budget, and give each member a budget.',
  });
}

export function memberBudget({ budgets = [] }: EntityBody): LevelBudgetEntry | undefined {
  return budgets.find((entry) => isOfEachMember(entry));
}

function memberLimit({ limits = [] }: EntityBody, counted: 'requests' | 'tokens'): LevelLimitEntry | undefined {
  return limits.find((entry) => isOfEachMember(entry) && entry[counted] !== undefined && entry.per === 'minute');
}

function isOfEachMember({ each = [], endUser, model, provider, tag }: LevelBudgetEntry | LevelLimitEntry): boolean {
  const others = [endUser, model, provider, tag];
  return each.length === 1 && each[0] === EACH[0] && others.every((other) => other === undefined);
}

function replaced(
  limits: readonly LevelLimitEntry[],
  before: LevelLimitEntry | undefined,
  counted: Pick<LevelLimitEntry, 'requests' | 'tokens'> | null | 0 | undefined,
): readonly LevelLimitEntry[] {
  const others = limits.filter((entry) => entry !== before);
  return counted ? [...others, { ...counted, per: 'minute', each: EACH }] : others;
}
