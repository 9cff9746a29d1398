import * as z from 'zod/mini';
import { nanoUsdOfUsd, scaleDecimal, signedNanoUsdOfUsd, usd } from '../catalog/decimal.ts';
import { hasScope } from '../identity/admin-scope.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import {
  type ComparedLine,
  type FigureName,
  figureNames,
  reconcile,
  type Tolerance,
  type UsageLine,
} from '../ledger/reconcile.ts';
import { sha256Hex } from '../policy/identify.ts';
import { nowMs } from '../runtime/clock.ts';
import { LEDGER_ENTRY_KIND } from '../store/store.ts';
import { adjustmentScopes } from './adjustment-scopes.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { type Audited, commitAudited } from './change.ts';
import { entryOf } from './entry-view.ts';
import { ledgerUsage } from './ledger-usage.ts';
import type { AdminOperation } from './operation.ts';

const DAY_MS = 86_400_000;
const DAYS_MAX = 92;
const LINES_MAX = 2_000;

const date = z.string().check(z.regex(/^\d{4}-\d{2}-\d{2}$/), z.describe('A day in UTC, such as 2026-11-01.'));
const count = z.optional(z.int().check(z.minimum(0)));
const amount = z
  .union([z.string().check(z.maxLength(40)), z.number()])
  .check(z.describe('US dollars, nine decimals at most.'));

const reconcileSchema = z.strictObject({
  provider: z
    .string()
    .check(z.minLength(1), z.maxLength(200), z.describe('The id of the provider whose export it is.')),
  from: date,
  to: date.check(z.describe('The last day, which is compared too.')),
  figures: z
    .array(z.enum(['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens', 'cost']))
    .check(z.minLength(1), z.maxLength(5), z.describe('What the export tells; what it does not is not compared.')),
  lines: z
    .array(
      z.strictObject({
        date,
        model: z.optional(
          z.string().check(z.maxLength(256), z.describe('Absent in all lines: days are compared as a whole.')),
        ),
        inputTokens: count,
        outputTokens: count,
        cacheReadTokens: count,
        cacheWriteTokens: count,
        cost: z.optional(amount),
      }),
    )
    .check(
      z.maxLength(LINES_MAX),
      z.describe("The provider's figures, of each day and model. Several of the same are added up."),
    ),
  tolerancePercent: z.optional(amount.check(z.describe("Of the provider's figure. Default 0.5."))),
  toleranceUsd: z.optional(amount.check(z.describe('Of the cost of a day and model. Default 0.01.'))),
  correct: z.optional(
    z
      .boolean()
      .check(z.describe('Enter what differs, as adjustments. Demands ledger:write. What is right already stays.')),
  ),
  reason: z.optional(
    z.string().check(z.minLength(1), z.maxLength(500), z.describe('Shown in the entries, such as a file name.')),
  ),
});

const figuresView = z.object({
  inputTokens: z.string(),
  outputTokens: z.string(),
  cacheReadTokens: z.string(),
  cacheWriteTokens: z.string(),
  costUsd: z.string(),
});

export const reconcileOperation: AdminOperation = {
  id: 'reconcileLedger',
  method: 'POST',
  path: '/ledger/reconciliations',
  scope: 'ledger:read',
  isGlobal: true,
  summary:
    "Lay a provider's figures beside those of the ledger, by day and model, and put right what differs when asked to.",
  body: reconcileSchema,
  status: 200,
  answer: z.object({
    data: z.array(
      z.object({
        date: z.string(),
        model: z.nullable(z.string()),
        provider: figuresView,
        ledger: figuresView,
        differing: z.array(z.string()),
        entryId: z.nullable(z.string()).check(z.describe('What was entered to put it right.')),
      }),
    ),
    differing: z
      .int()
      .check(z.describe('Lines that differ by more than the tolerance, before anything was put right.')),
    corrected: z.int(),
  }),
  run: runReconcile,
};

interface ReconcileBody {
  readonly provider: string;
  readonly from: string;
  readonly to: string;
  readonly figures: readonly (Exclude<FigureName, 'costNanoUsd'> | 'cost')[];
  readonly lines: readonly BodyLine[];
  readonly tolerancePercent?: string | number;
  readonly toleranceUsd?: string | number;
  readonly correct?: boolean;
  readonly reason?: string;
}

interface BodyLine extends Partial<Record<Exclude<FigureName, 'costNanoUsd'>, number>> {
  readonly date: string;
  readonly model?: string;
  readonly cost?: string | number;
}

async function runReconcile(context: AdminContext): Promise<AdminAnswer> {
  const body = context.body as unknown as ReconcileBody;
  const compare = await comparison(context, body);
  if (body.correct !== true) return { status: 200, body: answerOf(await compare(), new Map()) };
  if (!hasScope(context.rights, 'ledger:write')) {
    throw new AdminFault('scope_missing', {
      param: 'correct',
      message: `The key "${context.caller.name}" does not have ledger:write, which corrections demand.`,
    });
  }
  // Compared anew with each try, so that what another corrected meanwhile is not corrected twice.
  return commitAudited(context, async () => {
    const lines = await compare();
    const entries = new Map<ComparedLine, LedgerEntry>();
    for (const line of lines) {
      if (line.differing.length > 0) entries.set(line, await correctionOf(context, body, line));
    }
    const answer = answerOf(lines, entries);
    const [first, ...further] = [...entries.values()].map(auditedOf);
    if (first === undefined) return { answer: { status: 200, body: answer } };
    return { ...first, further, puts: [], deletes: [], entries: [...entries.values()], status: 200, body: answer };
  });
}

/** What compares, as often as it is asked. @throws AdminFault for what cannot be. */
async function comparison(
  { house }: AdminContext,
  body: ReconcileBody,
): Promise<() => Promise<readonly ComparedLine[]>> {
  const { provider } = body;
  const [fromMs, lastMs] = [dayMs('from', body.from), dayMs('to', body.to)];
  if (lastMs < fromMs || lastMs - fromMs >= DAYS_MAX * DAY_MS) {
    throw new AdminFault('body_invalid', {
      param: 'to',
      message: `to must be from or later, and within ${DAYS_MAX} days of it.`,
    });
  }
  const theirs = body.lines.map((line, index) => usageLineOf(body, line, index));
  const compared = figureNames.filter((name) => body.figures.includes(name === 'costNanoUsd' ? 'cost' : name));
  const tolerance = toleranceOf(body);
  await house.flushLogs();
  const { store } = house;
  if (!(await store.hasLedgerScope(`provider:${provider}`))) {
    throw new AdminFault('body_invalid', {
      param: 'provider',
      message: `Nothing in the ledger was ever asked of a provider "${provider}".`,
      hint: 'Give its id, as the entries of the ledger have it.',
    });
  }
  const pruned = await store.prunedDetail();
  if (pruned !== undefined && fromMs < pruned.beforeMs) {
    throw new AdminFault('body_invalid', {
      param: 'from',
      message: `Entries from before ${new Date(pruned.beforeMs).toISOString()} were deleted, and so cannot be compared.`,
      hint: 'Compare later days, or keep entries for longer: retention.ledgerDays.',
    });
  }
  return async () => {
    const ours = await ledgerUsage(store, provider, fromMs, lastMs + DAY_MS);
    return reconcile(theirs, ours, compared, tolerance);
  };
}

function dayMs(param: string, date: string): number {
  const ms = Date.parse(`${date}T00:00:00Z`);
  if (!Number.isNaN(ms)) return ms;
  throw new AdminFault('body_invalid', { param, message: `${param} is no day.` });
}

function usageLineOf({ from, to }: ReconcileBody, line: BodyLine, index: number): UsageLine {
  const param = `lines[${index}]`;
  const { date, model, cost, ...tokens } = line;
  if (date < from || date > to) {
    throw new AdminFault('body_invalid', {
      param: `${param}.date`,
      message: `${param}.date is not between from and to.`,
    });
  }
  const costNanoUsd = cost === undefined ? 0n : signedNanoUsdOfUsd(cost);
  if (costNanoUsd === undefined) {
    throw new AdminFault('body_invalid', {
      param: `${param}.cost`,
      message: `${param}.cost is no amount in US dollars.`,
    });
  }
  const figures: Partial<Record<FigureName, bigint>> = { costNanoUsd };
  for (const [name, figure] of Object.entries(tokens)) figures[name as FigureName] = BigInt(figure);
  return { date, model, figures };
}

function toleranceOf({ tolerancePercent = '0.5', toleranceUsd = '0.01' }: ReconcileBody): Tolerance {
  const percentMillionths = scaleDecimal(tolerancePercent, 6);
  const costNanoUsd = nanoUsdOfUsd(toleranceUsd);
  if (percentMillionths === undefined || costNanoUsd === undefined) {
    const param = percentMillionths === undefined ? 'tolerancePercent' : 'toleranceUsd';
    throw new AdminFault('body_invalid', { param, message: `${param} must be a decimal of 0 or more.` });
  }
  return { percentMillionths, costNanoUsd };
}

/** An entry of the day with what the ledger lacks, or has too much of. */
async function correctionOf(
  context: AdminContext,
  { provider, reason }: ReconcileBody,
  line: ComparedLine,
): Promise<LedgerEntry> {
  const { date, model } = line;
  const atMs = dayMs('date', date);
  const missing = (name: FigureName) => (line.differing.includes(name) ? line.provider[name] - line.ledger[name] : 0n);
  const about = await adjustmentScopes(context, {
    scope: { provider },
    atMs,
    ...(model !== undefined && model !== '' && { modelServed: model }),
  });
  const usage = Object.fromEntries(
    figureNames.flatMap((name) =>
      name === 'costNanoUsd' || missing(name) === 0n ? [] : [[name, Number(missing(name))]],
    ),
  );
  // What is compared anew after this was entered differs no more; what differs otherwise is another correction.
  const identity = [provider, date, model, ...figureNames.map((name) => `${line.provider[name]}-${line.ledger[name]}`)];
  return {
    id: `rec_${sha256Hex(identity.join('\n')).slice(0, 32)}`,
    kind: 'adjustment',
    atMs,
    settledAtMs: nowMs(),
    fault: undefined,
    ...about,
    usage,
    costNanoUsd: missing('costNanoUsd'),
    uncovered: [],
    isEstimated: false,
    corrects: undefined,
    note: `Reconciled with the usage export of ${provider}${reason === undefined ? '' : `: ${reason}`}`,
    enteredBy: context.caller.name,
  };
}

function auditedOf(entry: LedgerEntry): Audited {
  return {
    action: 'ledger.reconcile',
    kind: LEDGER_ENTRY_KIND,
    entityId: entry.id,
    before: undefined,
    after: entryOf(entry),
  };
}

function answerOf(lines: readonly ComparedLine[], entries: ReadonlyMap<ComparedLine, LedgerEntry>) {
  return {
    data: lines.map((line) => ({
      date: line.date,
      model: line.model ?? null,
      provider: shown(line.provider),
      ledger: shown(line.ledger),
      differing: line.differing.map((name) => (name === 'costNanoUsd' ? 'cost' : name)),
      entryId: entries.get(line)?.id ?? null,
    })),
    differing: lines.filter(({ differing }) => differing.length > 0).length,
    corrected: entries.size,
  };
}

function shown({ costNanoUsd, ...tokens }: ComparedLine['provider']): Record<string, string> {
  const texts = Object.entries(tokens).map(([name, figure]) => [name, String(figure)]);
  return { ...Object.fromEntries(texts), costUsd: usd(costNanoUsd) };
}
