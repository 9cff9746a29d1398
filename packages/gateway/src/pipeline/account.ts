import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Endpoint, Snapshot } from '../config/snapshot.ts';
import type { Exchange } from '../exchange.ts';
import type { Cost } from '../ledger/cost.ts';
import type { Caller } from '../policy/caller.ts';
import { readTags } from '../policy/limits/request-facts.ts';
import { scopeKey } from '../policy/scope.ts';
import { nowMs } from '../runtime/clock.ts';
import type { AttemptRow } from '../telemetry/exchange-row.ts';
import { type NamedKind, OTHER } from './bounded-names.ts';
import { endUserOf } from './end-user.ts';
import { estimateUsage } from './estimate.ts';
import type { Services } from './services.ts';

/** Names asked for under a wildcard are the caller's own. */
const MODEL_CHARS_MAX = 256;

/**
 * Notes in the ledger's journal that an attempt is about to be sent. What is free of charge has no account.
 *
 * @returns what must be waited for before it is sent; usually nothing.
 * @throws Fault `ledger_unavailable`: then it must not be sent.
 */
export function openAccount(
  services: Services,
  exchange: Exchange,
  endpoint: Endpoint,
  row: AttemptRow,
): Promise<void> | undefined {
  if (exchange.operation !== 'generate') return undefined;
  const { ledger, markups } = services;
  const atMs = Math.round(row.startedAtMs);
  const scopes = scopesOf(services, exchange, atMs);
  const labels = {
    id: `${exchange.id}.${row.number}`,
    atMs,
    exchangeId: exchange.id,
    attempt: row.number,
    scopes,
    model: modelOf(services, exchange, atMs),
    provider: row.provider,
    endpoint: endpointOf(services, exchange, row, atMs),
    modelServed: row.model,
    paidBy: row.paidBy,
    markup: markups.inForce(scopes, atMs),
  };
  exchange.account = ledger.begin(labels, estimateUsage(exchange).inputTokens ?? 0, endpoint.price);
  return ledger.durable();
}

/** What an attempt cost the gateway, and, when a caller's own credential paid, its owner. */
export interface AttemptCost extends Omit<Cost, 'nanoUsd'> {
  readonly nanoUsd: bigint | undefined;
  readonly ownNanoUsd?: bigint | undefined;
}

/** Enters what the running attempt cost. A second call does nothing. */
export function closeAccount(
  { ledger }: Services,
  exchange: Exchange,
  row: AttemptRow,
  cost: AttemptCost | undefined,
): void {
  if (exchange.account === undefined) return;
  ledger.settle(exchange.account, {
    settledAtMs: nowMs(),
    fault: row.fault,
    usage: row.usage,
    costNanoUsd: cost?.nanoUsd,
    uncovered: cost?.uncovered ?? [],
    ownCostNanoUsd: cost?.ownNanoUsd,
    isEstimated: row.isEstimated,
  });
  exchange.account = undefined;
}

/** Notes what a stream has used so far. */
export function noteProgress({ ledger }: Services, exchange: Exchange, usage: Usage): void {
  if (exchange.account !== undefined) ledger.progress(exchange.account, nowMs(), usage);
}

/** The model asked for, as the ledger sums it. */
function modelOf({ names }: Services, { body, snapshot }: Exchange, atMs: number): string {
  const model = (body?.model ?? '').slice(0, MODEL_CHARS_MAX);
  const { namesPerDayMax } = snapshot.ledger;
  const isKnown = () => knownNames(snapshot).has(model);
  return names.tellsApart('model', model, atMs, namesPerDayMax, isKnown) ? model : OTHER;
}

/** Under a wildcard, endpoints are named after the model. What was served stands in the entry besides. */
function endpointOf({ names }: Services, { snapshot }: Exchange, row: AttemptRow, atMs: number): string {
  const { endpoint, provider } = row;
  const { namesPerDayMax } = snapshot.ledger;
  const isKnown = () => knownNames(snapshot).has(endpoint);
  return names.tellsApart('endpoint', endpoint, atMs, namesPerDayMax, isKnown) ? endpoint : `${provider}/${OTHER}`;
}

const known = new WeakMap<Snapshot, ReadonlySet<string>>();

/** Models and endpoints that are configured, or that the catalogue knows of providers at hand. */
function knownNames(snapshot: Snapshot): ReadonlySet<string> {
  let names = known.get(snapshot);
  if (names === undefined) {
    names = new Set([...snapshot.models, ...snapshot.endpoints].map(({ id }) => id));
    known.set(snapshot, names);
  }
  return names;
}

/** Callers live as long as the configuration, and their scopes with them. */
const texts = new WeakMap<Caller, readonly string[]>();

function scopesOf(services: Services, exchange: Exchange, atMs: number): readonly string[] {
  const { caller, limits, budgets, body, snapshot, request } = exchange;
  if (caller === undefined) return [];
  let scopes = texts.get(caller);
  if (scopes === undefined) {
    scopes = caller.scopes.map(scopeKey);
    texts.set(caller, scopes);
  }
  const { ledger } = snapshot;
  const { namesPerDayMax } = ledger;
  const endUser = ledger.endUsers && body !== undefined ? endUserOf(exchange, body) : exchange.endUser?.id;
  const tags =
    ledger.tags && body !== undefined ? readTags(body.bytes, body.lens, request.headers) : (limits?.subject.tags ?? []);
  if (endUser === undefined && tags.length === 0 && budgets === undefined) return scopes;
  const { names } = services;
  // What a budget counts must be summed under its name, so that the next start finds it.
  const own = (budgets?.hold.ledgerScopes() ?? []).filter((scope) => {
    const kind = scope.slice(0, scope.indexOf(':'));
    return !isMadeUp(kind) || names.tellsCounted(kind, scope.slice(kind.length + 1), atMs);
  });
  for (const id of tags) {
    // A tag of the key is the operator's.
    const isKnown = () => scopes?.includes(scopeKey({ type: 'tag', id })) === true;
    const isApart = names.tellsApart('tag', id, atMs, namesPerDayMax, isKnown);
    own.push(scopeKey({ type: 'tag', id: isApart ? id : OTHER }));
  }
  if (endUser !== undefined) {
    const isKnown = () => services.endUsers.endUser(endUser) !== undefined;
    const isApart = names.tellsApart('end-user', endUser, atMs, namesPerDayMax, isKnown);
    own.push(scopeKey({ type: 'end-user', id: isApart ? endUser : OTHER }));
  }
  // Mostly the caller's own: the same list then, of which the journal has written out the text already.
  return own.every((scope) => scopes.includes(scope)) ? scopes : [...new Set([...scopes, ...own])];
}

const madeUp: ReadonlySet<string> = new Set<NamedKind>(['model', 'end-user', 'tag', 'budget']);

function isMadeUp(kind: string): kind is NamedKind {
  return madeUp.has(kind);
}
