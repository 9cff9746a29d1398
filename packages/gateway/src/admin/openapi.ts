import * as z from 'zod/mini';
import { levelBudgetSchema, levelLimitSchema } from '../config/rule-schemas.ts';
import { version } from '../runtime/version.ts';
import { chargebackOperation } from './chargeback.ts';
import { entityOperations } from './entity-operations.ts';
import { gatewayOperations } from './gateway-operations.ts';
import { createSchemas, policySchema, updateSchemas, viewSchemas } from './kind-schemas.ts';
import { ledgerOperations } from './ledger-operations.ts';
import { type AdminOperation, BASE_PATH } from './operation.ts';
import { reconcileOperation } from './reconciliation.ts';
import { retentionOperations } from './retention-operations.ts';
import { rotateSecretOperation } from './rotate-secret.ts';

/** Everything the admin API does, its own description included. */
export const operations: readonly AdminOperation[] = [
  ...entityOperations,
  ...gatewayOperations,
  ...ledgerOperations,
  chargebackOperation,
  reconcileOperation,
  rotateSecretOperation,
  ...retentionOperations,
  {
    id: 'getOpenApi',
    method: 'GET',
    path: '/openapi.json',
    scope: undefined,
    summary: 'This document.',
    status: 200,
    answer: z.looseObject({}),
    run: () => ({ status: 200, body: openApi() }),
  },
];

const errorSchema = z.object({
  error: z.object({
    code: z.string().check(z.describe('A code of docs/errors.md.')),
    message: z.string(),
    field: z.nullable(z.string()).check(z.describe('The field at fault, as a path.')),
    hint: z.nullable(z.string()),
  }),
});

/** The description of the admin API. @see https://spec.openapis.org/oas/v3.1.1.html */
export function openApi(): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = `${BASE_PATH}${operation.path}`;
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: described(operation) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Turnpike admin API',
      version,
      description: 'Entities, keys, logs and the audit log. What each operation demands is in its `x-scope`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(
        [...namedSchemas].map(([schema, name]) => [
          name,
          writtenOut(schema, /^(Create|Update)/.test(name) ? 'input' : 'output'),
        ]),
      ),
    },
  };
}

function described(operation: AdminOperation): Record<string, unknown> {
  const { id, summary, scope, body, status, answer } = operation;
  const failure = { description: 'What is wrong.', content: json({ $ref: '#/components/schemas/Error' }) };
  const content =
    answer !== undefined ? json(schemaOf(answer)) : status === 204 ? undefined : { 'application/x-ndjson': {} };
  return {
    operationId: id,
    summary,
    'x-scope': scope ?? 'any',
    ...(operation.isGlobal && { 'x-global': true }),
    parameters: parametersOf(operation),
    ...(body !== undefined && { requestBody: { required: true, content: json(schemaOf(body, 'input')) } }),
    responses: {
      [status]: { description: 'Done.', ...(content !== undefined && { content }) },
      default: failure,
    },
  };
}

function parametersOf({ path, method, query, isVersioned }: AdminOperation): unknown[] {
  const parameters: unknown[] = [];
  const text = { type: 'string' };
  if (path.includes('{id}')) {
    parameters.push({
      name: 'id',
      in: 'path',
      required: true,
      description: 'An id, or a name where there are names.',
      schema: text,
    });
  }
  const { properties = {} } = (query === undefined ? {} : schemaOf(query)) as { properties?: Record<string, object> };
  for (const [name, schema] of Object.entries(properties)) parameters.push({ name, in: 'query', schema });
  if (method === 'POST') {
    parameters.push({
      name: 'Idempotency-Key',
      in: 'header',
      description: 'The same request with the same key is done once, within a day.',
      schema: { type: 'string', maxLength: 255 },
    });
  }
  if (isVersioned === true) {
    parameters.push({
      name: 'If-Match',
      in: 'header',
      description: 'The `ETag` seen last: refused with 412 when the record was changed since.',
      schema: text,
    });
  }
  return parameters;
}

function json(schema: unknown): Record<string, unknown> {
  return { 'application/json': { schema } };
}

/** Schemas that have a name in the document, and are referred to by it. */
const namedSchemas = new Map<z.ZodMiniType, string>([
  [policySchema, 'Policy'],
  [levelBudgetSchema, 'Budget'],
  [levelLimitSchema, 'Limit'],
  [errorSchema, 'Error'],
  ...Object.entries(createSchemas).map(([kind, schema]): [z.ZodMiniType, string] => [schema, `Create${pascal(kind)}`]),
  ...Object.entries(updateSchemas).map(([kind, schema]): [z.ZodMiniType, string] => [schema, `Update${pascal(kind)}`]),
  ...Object.entries(viewSchemas).map(([kind, schema]): [z.ZodMiniType, string] => [schema, pascal(kind)]),
]);

const named: ReadonlyMap<unknown, string> = namedSchemas;

function pascal(kind: string): string {
  return kind.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}

function schemaOf(schema: z.ZodMiniType, io: 'input' | 'output' = 'output'): Record<string, unknown> {
  const name = named.get(schema);
  return name === undefined ? writtenOut(schema, io) : { $ref: `#/components/schemas/${name}` };
}

/** The schema itself, with references to what has a name inside it. */
function writtenOut(schema: z.ZodMiniType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-2020-12',
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const name = named.get(zodSchema);
      if (name === undefined || Object.is(zodSchema, schema)) return;
      for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
      jsonSchema.$ref = `#/components/schemas/${name}`;
    },
  });
  return rest;
}
