import type { Usage } from '@turnpike/wire/canon/usage.ts';
import * as z from 'zod/mini';
import { version } from '../runtime/version.ts';
import type { AuditRow } from '../store/store.ts';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { auditEntries, verifyAudit } from './audit-chain.ts';
import { pageOf, pageQuery } from './entity-operations.ts';
import type { AdminOperation } from './operation.ts';
import { unknownRecord } from './reach.ts';

const text = z.optional(z.string().check(z.maxLength(200)));
const timeMs = z.optional(z.coerce.number().check(z.int(), z.minimum(0), z.describe('Unix milliseconds.')));
const period = { sinceMs: timeMs, untilMs: timeMs };

const auditView = z.object({
  seq: z.int(),
  atMs: z.int(),
  actorId: z.string(),
  actorName: z.string(),
  origin: z.string().check(z.describe("The client's address.")),
  action: z.string(),
  kind: z.string(),
  entityId: z.string(),
  before: z.nullable(z.unknown()),
  after: z.nullable(z.unknown()),
  previousHash: z.string(),
  hash: z.string(),
});
const logView = z.looseObject({
  id: z.string(),
  startedAtMs: z.number(),
  status: z.int(),
  modelAsked: z.string(),
  keyName: z.optional(z.string()),
  costNanoUsd: z.optional(z.string().check(z.describe('Nano-USD, as text: it may pass 2^53.'))),
});

/** What the gateway did, does and can do. */
export const gatewayOperations: readonly AdminOperation[] = [
  {
    id: 'listLogs',
    method: 'GET',
    path: '/logs',
    scope: 'logs:read',
    isGlobal: true,
    summary: 'List exchanges, the latest first.',
    query: z.strictObject({
      ...pageQuery,
      ...period,
      key: text,
      model: text,
      provider: text,
      fault: text,
      status: z.optional(z.coerce.number().check(z.int(), z.minimum(100), z.maximum(599))),
    }),
    status: 200,
    answer: pageOf(logView),
    run: listLogs,
  },
  {
    id: 'getLog',
    method: 'GET',
    path: '/logs/{id}',
    scope: 'logs:read',
    isGlobal: true,
    summary: 'Show an exchange with its attempts.',
    status: 200,
    answer: logView,
    run: showLog,
  },
  {
    id: 'listAudit',
    method: 'GET',
    path: '/audit',
    scope: 'audit:read',
    isGlobal: true,
    summary: 'List changes, the latest first.',
    query: z.strictObject({ ...pageQuery, ...period, kind: text, entityId: text, actorId: text, action: text }),
    status: 200,
    answer: pageOf(auditView),
    run: listAudit,
  },
  {
    id: 'exportAudit',
    method: 'GET',
    path: '/audit/export',
    scope: 'audit:read',
    isGlobal: true,
    summary: 'The whole audit log, the earliest first, as a JSON object per line.',
    status: 200,
    answer: undefined,
    run: exportAudit,
  },
  {
    id: 'verifyAudit',
    method: 'GET',
    path: '/audit/verify',
    scope: 'audit:read',
    isGlobal: true,
    summary: 'Check that no entry of the audit log was changed, added, moved or taken away.',
    status: 200,
    answer: z.object({
      isIntact: z.boolean(),
      entries: z.int(),
      seq: z.optional(z.int().check(z.describe('The first entry that is wrong.'))),
      reason: z.optional(z.string()),
    }),
    run: async ({ house }) => ({ status: 200, body: await verifyAudit(house.store, house.digest) }),
  },
  {
    id: 'listServedModels',
    method: 'GET',
    path: '/served-models',
    scope: 'models:read',
    isGlobal: true,
    summary: 'List the models that are served, and why they are there.',
    status: 200,
    answer: z.object({ data: z.array(z.object({ id: z.string(), ownedBy: z.string(), reason: z.string() })) }),
    run: ({ house }) => ({
      status: 200,
      body: { data: house.snapshot().models.map(({ id, ownedBy, reason }) => ({ id, ownedBy, reason })) },
    }),
  },
  {
    id: 'listEndpoints',
    method: 'GET',
    path: '/endpoints',
    scope: 'models:read',
    isGlobal: true,
    summary: 'List endpoints in force, without their credentials.',
    status: 200,
    answer: z.object({
      data: z.array(
        z.object({
          id: z.string(),
          provider: z.string(),
          model: z.string(),
          baseUrl: z.string(),
          hasCredential: z.boolean(),
          lack: z.optional(z.string().check(z.describe('Why it cannot be called.'))),
          weight: z.number(),
          order: z.number(),
        }),
      ),
    }),
    run: listEndpoints,
  },
  {
    id: 'getInfo',
    method: 'GET',
    path: '/info',
    scope: undefined,
    summary: 'Show version and state of the gateway, and what the key that asks may do.',
    status: 200,
    answer: z.object({
      version: z.string(),
      snapshotVersion: z.int(),
      models: z.int(),
      keys: z.int().check(z.describe('Stored keys.')),
      caller: z.object({
        name: z.string(),
        scopes: z.array(z.string()),
        organisationId: z.optional(z.string()),
        teamId: z.optional(z.string()),
      }),
    }),
    run: showInfo,
  },
];

async function listLogs({ house, query }: AdminContext): Promise<AdminAnswer> {
  await house.flushLogs();
  const limit = Number(query.limit);
  const { cursor, sinceMs, untilMs, key, model, provider, fault, status } = query;
  const optional = (value: unknown) => (value === undefined ? undefined : String(value));
  const rows = await house.store.recentExchanges({
    limit: limit + 1,
    ...(cursor !== undefined && { before: String(cursor) }),
    filter: {
      keyName: optional(key),
      model: optional(model),
      provider: optional(provider),
      fault: optional(fault),
      status: status === undefined ? undefined : Number(status),
      sinceMs: sinceMs === undefined ? undefined : Number(sinceMs),
      untilMs: untilMs === undefined ? undefined : Number(untilMs),
    },
  });
  const page = rows.slice(0, limit);
  const nextCursor = rows.length > limit ? (page.at(-1)?.id ?? null) : null;
  return { status: 200, body: { data: page.map(logOf), nextCursor } };
}

async function showLog({ house, id }: AdminContext): Promise<AdminAnswer> {
  await house.flushLogs();
  const row = await house.store.exchange(id);
  if (row === undefined) throw unknownRecord(id);
  return { status: 200, body: logOf(row) };
}

function logOf(row: ExchangeRow): Record<string, unknown> {
  const money = (part: { costNanoUsd: bigint | undefined; usage: Usage | undefined }) => ({
    ...part,
    costNanoUsd: part.costNanoUsd?.toString(),
  });
  return { ...money(row), attempts: row.attempts.map(money) };
}

async function listAudit({ house, query }: AdminContext): Promise<AdminAnswer> {
  const { limit, cursor, ...filter } = query;
  const before = cursor === undefined ? undefined : Number(cursor);
  const rows = await house.store.records.audit({ ...filter, limit: Number(limit) + 1, before });
  const page = rows.slice(0, Number(limit));
  const nextCursor = rows.length > page.length ? String(page.at(-1)?.seq) : null;
  return { status: 200, body: { data: page.map(auditOf), nextCursor } };
}

function exportAudit({ house }: AdminContext): AdminAnswer {
  const entries = auditEntries(house.store);
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await entries.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(`${JSON.stringify(auditOf(value))}\n`));
    },
    async cancel() {
      await entries.return(undefined);
    },
  });
  return { status: 200, body, headers: { 'content-type': 'application/x-ndjson' } };
}

function auditOf(row: AuditRow): Record<string, unknown> {
  const state = (text: string | undefined): unknown => (text === undefined ? null : JSON.parse(text));
  return { ...row, before: state(row.before), after: state(row.after) };
}

function listEndpoints({ house }: AdminContext): AdminAnswer {
  const data = house.snapshot().endpoints.map(({ id, provider, model, baseUrl, credential, lack, weight, order }) => ({
    id,
    provider: provider.id,
    model,
    baseUrl: withoutSecrets(baseUrl),
    hasCredential: credential !== undefined,
    ...(lack !== undefined && { lack }),
    weight,
    order,
  }));
  return { status: 200, body: { data } };
}

/** An address may carry credentials of its own: `https://user:password@host/?key=…`. */
function withoutSecrets(address: string): string {
  const url = URL.parse(address);
  return url === null ? '' : `${url.protocol}//${url.host}${url.pathname}`;
}

function showInfo({ house, caller, rights }: AdminContext): AdminAnswer {
  const snapshot = house.snapshot();
  return {
    status: 200,
    body: {
      version,
      snapshotVersion: snapshot.version,
      models: snapshot.models.length,
      keys: house.directory.keyCount,
      caller: { name: caller.name, ...rights },
    },
  };
}
