import type { AdminScope } from '../../identity/admin-scope.ts';
import type { EntityBody, StoredPolicy } from '../../identity/entity.ts';
import { nowMs } from '../../runtime/clock.ts';
import { durationMs } from './duration.ts';
import type { KeyFields } from './key-fields.ts';
import { readMetadata, withLimitsBeside } from './metadata.ts';
import { withModels } from './model-access.ts';
import type { FaceContext } from './operation.ts';
import { isEmpty, refusedField } from './read-fields.ts';
import { withLitellmRules, withSpendReset } from './write-rules.ts';

/** What `permissions` can give, in scopes. */
const permitted: Readonly<Record<string, readonly AdminScope[]>> = { get_spend_routes: ['ledger:read', 'logs:read'] };

/** What is kept of a key once a request has said its part; what it leaves out stays. @throws AdminFault `body_invalid` */
export function keyBody(context: FaceContext, before: EntityBody, given: KeyFields): EntityBody {
  const fields = withLimitsBeside(given);
  requireBestEffort(fields);
  const { key_alias, blocked, spend } = fields;
  const { metadata, tags = fields.tags } = readMetadata(fields.metadata, true);
  const body: EntityBody = {
    ...before,
    ...(key_alias !== undefined && { displayName: key_alias ?? undefined }),
    ...(blocked !== undefined && { isBlocked: blocked ?? undefined }),
    ...(fields.metadata !== undefined && { metadata }),
    ...(tags !== undefined && { tags: tags ?? undefined }),
    ...(fields.permissions !== undefined && { adminScopes: scopesOf(before, fields.permissions ?? {}) }),
    policy: keyPolicy(context, before.policy ?? {}, fields),
  };
  const ruled = withLitellmRules(body, fields);
  return spend === 0 && (before.budgets ?? before.budgetIds) !== undefined ? withSpendReset(ruled) : ruled;
}

function keyPolicy(context: FaceContext, before: StoredPolicy, fields: KeyFields): StoredPolicy {
  const { models, duration, budget_fallbacks, key_type, allowed_routes } = fields;
  let policy = withModels(context, before, models);
  if (budget_fallbacks !== undefined) policy = { ...policy, fallbackModels: budget_fallbacks ?? undefined };
  if (duration !== undefined && duration !== null) {
    const expiresAtMs = duration === '-1' ? undefined : nowMs() + durationMs('duration', duration);
    policy = { ...policy, expiresAtMs };
  }
  if (!isEmpty(key_type) || allowed_routes !== undefined) {
    const isInfoOnly = isInfoOnlyType(key_type) || isInfoOnlyList(allowed_routes ?? []);
    policy = { ...policy, operations: isInfoOnly ? [] : undefined };
  }
  return policy;
}

function isInfoOnlyType(type: string | null | undefined): boolean {
  if (type === 'read_only') return true;
  if (type === null || type === undefined || type === 'default' || type === 'llm_api') return false;
  throw refusedField('key_type', 'default, llm_api and read_only are; a key that administers is given adminScopes');
}

function isInfoOnlyList(routes: readonly string[]): boolean {
  for (const route of routes) {
    if (route !== 'llm_api_routes' && route !== 'info_routes') {
      throw refusedField(
        'allowed_routes',
        'llm_api_routes and info_routes are; a key that administers is given adminScopes',
      );
    }
  }
  return routes.length > 0 && !routes.includes('llm_api_routes');
}

function scopesOf(before: EntityBody, permissions: Readonly<Record<string, unknown>>): AdminScope[] {
  const mapped = Object.values(permitted).flat();
  const scopes = (before.adminScopes ?? []).filter((scope) => !mapped.includes(scope));
  for (const [name, value] of Object.entries(permissions)) {
    const given = permitted[name];
    if (given === undefined && value !== false && !isEmpty(value)) {
      throw refusedField(`permissions.${name}`, 'get_spend_routes is the only permission there is');
    }
    if (given !== undefined && value === true) scopes.push(...given);
  }
  return scopes;
}

export function shownPermissions({ adminScopes = [] }: EntityBody): Record<string, true> {
  const held = Object.entries(permitted).filter(([, scopes]) => scopes.every((scope) => adminScopes.includes(scope)));
  return Object.fromEntries(held.map(([name]) => [name, true]));
}

function requireBestEffort({ rpm_limit_type, tpm_limit_type }: KeyFields): void {
  for (const [field, type] of Object.entries({ rpm_limit_type, tpm_limit_type })) {
    if (!isEmpty(type) && type !== 'best_effort_throughput') {
      throw refusedField(field, 'best_effort_throughput is the only type there is');
    }
  }
}
