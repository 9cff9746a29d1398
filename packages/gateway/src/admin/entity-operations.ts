import * as z from 'zod/mini';
import type { AdminResource } from '../identity/admin-scope.ts';
import type { EntityKind } from '../identity/entity.ts';
import { creditOperations } from './credit-operations.ts';
import {
  createEntity,
  deleteEntity,
  listEntities,
  rotateCredential,
  rotateKey,
  scopeOf,
  setBlocked,
  showEntity,
  updateEntity,
} from './entity-actions.ts';
import { createSchemas, rotateCredentialSchema, rotateSchema, updateSchemas, viewSchemas } from './kind-schemas.ts';
import type { AdminOperation } from './operation.ts';
import { budgetsShownSchema, resetBudgets, showBudgets } from './show-budgets.ts';
import { showEffectivePolicy } from './show-policy.ts';

const kinds = [
  { kind: 'organisation', resource: 'organisations', name: 'Organisation' },
  { kind: 'team', resource: 'teams', name: 'Team' },
  { kind: 'user', resource: 'users', name: 'User' },
  { kind: 'membership', resource: 'memberships', name: 'Membership' },
  { kind: 'service-account', resource: 'service-accounts', name: 'ServiceAccount' },
  { kind: 'project', resource: 'projects', name: 'Project' },
  { kind: 'key', resource: 'keys', name: 'Key' },
  { kind: 'model-group', resource: 'model-groups', name: 'ModelGroup' },
  { kind: 'credential', resource: 'credentials', name: 'Credential' },
  { kind: 'end-user', resource: 'end-users', name: 'EndUser' },
  { kind: 'tag', resource: 'tags', name: 'Tag' },
  { kind: 'budget', resource: 'budgets', name: 'Budget' },
  { kind: 'model', resource: 'models', name: 'Model' },
] as const satisfies readonly { kind: EntityKind; resource: AdminResource; name: string }[];

/** Fields lists can be narrowed by, of those a kind has. */
const FILTERS = ['organisationId', 'teamId', 'projectId', 'userId', 'serviceAccountId'];

/** Kinds that are about the whole gateway. */
const global: ReadonlySet<EntityKind> = new Set(['model', 'end-user', 'tag']);
const withoutBudgets: ReadonlySet<EntityKind> = new Set(['model-group', 'credential', 'model', 'budget']);

/** Kinds that can be prepaid. */
const prepaid: ReadonlySet<EntityKind> = new Set(['organisation', 'team', 'user', 'service-account', 'project', 'key']);

/** How lists are cut into pages. */
export const pageQuery = {
  limit: z._default(
    z.coerce.number().check(z.int(), z.minimum(1), z.maximum(500), z.describe('Most records in the answer.')),
    50,
  ),
  cursor: z.optional(z.string().check(z.maxLength(200), z.describe('`nextCursor` of the page before.'))),
};

export function pageOf(schema: z.ZodMiniType) {
  return z.object({ data: z.array(schema), nextCursor: z.nullable(z.string()) });
}

const rotateCredentialOperation: AdminOperation = {
  id: 'rotateCredential',
  method: 'POST',
  path: '/credentials/{id}/rotate',
  scope: 'credentials:write',
  summary: 'Put a new secret in place of the one there is. Everything else about it stays.',
  body: rotateCredentialSchema,
  status: 200,
  answer: viewSchemas.credential,
  isVersioned: true,
  run: rotateCredential,
};

/** Making, reading, changing and deleting entities of each kind, and what else can be done with keys. */
export const entityOperations: readonly AdminOperation[] = [
  ...kinds.flatMap(operationsOf),
  ...keyOperations(),
  rotateCredentialOperation,
];

function operationsOf({ kind, resource, name }: (typeof kinds)[number]): AdminOperation[] {
  const create = createSchemas[kind];
  const fields = new Set(Object.keys(create.shape));
  const filters = Object.fromEntries(
    [...FILTERS.filter((field) => fields.has(field)), ...(fields.has('name') ? ['name'] : [])].map((field) => [
      field,
      z.optional(z.string().check(z.maxLength(200))),
    ]),
  );
  const words = kind.replace('-', ' ');
  const read = scopeOf(resource, 'read');
  const write = scopeOf(resource, 'write');
  const view = viewSchemas[kind];
  const own: AdminOperation[] = [
    {
      id: `list${name}s`,
      method: 'GET',
      path: `/${resource}`,
      scope: read,
      summary: `List ${words}s, the oldest first.`,
      query: z.strictObject({ ...pageQuery, ...filters }),
      status: 200,
      answer: pageOf(view),
      run: (context) => listEntities(context, kind),
    },
    {
      id: `create${name}`,
      method: 'POST',
      path: `/${resource}`,
      scope: write,
      summary: `Create a ${words}.`,
      body: create,
      status: 201,
      answer: view,
      run: (context) => createEntity(context, kind, resource, fields),
    },
    {
      id: `get${name}`,
      method: 'GET',
      path: `/${resource}/{id}`,
      scope: read,
      summary: `Show a ${words}.`,
      status: 200,
      answer: view,
      run: (context) => showEntity(context, kind),
    },
    {
      id: `update${name}`,
      method: 'PATCH',
      path: `/${resource}/{id}`,
      scope: write,
      summary: `Change a ${words}: what is given replaces, null takes away, what is absent stays.`,
      body: updateSchemas[kind],
      status: 200,
      answer: view,
      isVersioned: true,
      run: (context) => updateEntity(context, kind, resource),
    },
    {
      id: `delete${name}`,
      method: 'DELETE',
      path: `/${resource}/{id}`,
      scope: write,
      summary: `Delete a ${words}. Refused while something belongs to it.`,
      status: 204,
      answer: undefined,
      isVersioned: true,
      run: (context) => deleteEntity(context, kind, resource),
    },
    ...(withoutBudgets.has(kind) ? [] : budgetOperations(kind, resource, name)),
    ...(prepaid.has(kind) ? creditOperations(kind, resource, name) : []),
  ];
  return global.has(kind) ? own.map((operation) => ({ ...operation, isGlobal: true })) : own;
}

/** Of kinds that carry budgets. */
function budgetOperations(kind: EntityKind, resource: AdminResource, name: string): AdminOperation[] {
  const words = kind.replace('-', ' ');
  return [
    {
      id: `get${name}Budgets`,
      method: 'GET',
      path: `/${resource}/{id}/budgets`,
      scope: scopeOf(resource, 'read'),
      summary: `Show what is spent, held and left of each budget of a ${words}.`,
      status: 200,
      answer: budgetsShownSchema,
      run: (context) => showBudgets(context, kind),
    },
    {
      id: `reset${name}Budgets`,
      method: 'POST',
      path: `/${resource}/{id}/reset-budgets`,
      scope: scopeOf(resource, 'write'),
      summary: `Let what was spent until now count no more in the budgets of a ${words}.`,
      status: 200,
      answer: viewSchemas[kind],
      isVersioned: true,
      run: (context) => resetBudgets(context, kind, resource),
    },
  ];
}

function keyOperations(): AdminOperation[] {
  const change = {
    method: 'POST',
    scope: 'keys:write',
    status: 200,
    answer: viewSchemas.key,
    isVersioned: true,
  } as const;
  return [
    {
      ...change,
      id: 'rotateKey',
      path: '/keys/{id}/rotate',
      summary: 'Put a new key in place of the one there is. Everything else about it stays.',
      body: rotateSchema,
      run: rotateKey,
    },
    {
      ...change,
      id: 'blockKey',
      path: '/keys/{id}/block',
      summary: 'Refuse a key until it is unblocked.',
      run: (context) => setBlocked(context, true),
    },
    {
      ...change,
      id: 'unblockKey',
      path: '/keys/{id}/unblock',
      summary: 'Accept a blocked key again.',
      run: (context) => setBlocked(context, false),
    },
    {
      id: 'getKeyPolicy',
      method: 'GET',
      path: '/keys/{id}/policy',
      scope: 'keys:read',
      summary: 'Show what a key may use, all levels taken together.',
      status: 200,
      answer: z.object({
        levels: z.array(z.object({ kind: z.string(), name: z.string(), isBlocked: z.boolean(), policy: z.unknown() })),
        modelGroups: z
          .array(z.object({ name: z.string(), models: z.nullable(z.array(z.string())) }))
          .check(z.describe('The groups its levels name, as they are now; `null` for one that is not there.')),
        effective: z.unknown().check(z.describe('Of lists of lists, each inner list must have an entry that fits.')),
      }),
      run: showEffectivePolicy,
    },
  ];
}
