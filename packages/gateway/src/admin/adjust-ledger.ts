import * as z from 'zod/mini';
import { signedNanoUsdOfUsd } from '../catalog/decimal.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import { upliftOf } from '../ledger/uplift.ts';
import { sha256Hex } from '../policy/identify.ts';
import { nowMs } from '../runtime/clock.ts';
import { newExchangeId } from '../runtime/exchange-id.ts';
import { LEDGER_ENTRY_KIND } from '../store/store.ts';
import { type AdjustmentAbout, adjustmentScopes } from './adjustment-scopes.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { commitAudited } from './change.ts';
import { entryOf } from './entry-view.ts';

/** Ten thousand million dollars: sums of such fit into the 64-bit nano-dollars of the store many times over. */
const AMOUNT_NANO_MAX = 1_000_000_000n * 1_000_000_000n;
const NAME_MAX = 256;

const name = (description: string) =>
  z.optional(z.string().check(z.minLength(1), z.maxLength(NAME_MAX), z.describe(description)));

export const amountSchema = z
  .union([z.string().check(z.maxLength(40)), z.number()])
  .check(z.describe('US dollars, exact: a decimal of at most nine places, best as text.'));

export const referenceSchema = z.optional(
  z
    .string()
    .check(
      z.minLength(1),
      z.maxLength(200),
      z.describe(
        'Yours, such as an invoice number. What comes again with the same reference is entered once, for ever.',
      ),
    ),
);

export const adjustmentSchema = z.strictObject({
  amount: amountSchema,
  scope: z
    .optional(
      z.strictObject({
        key: name('Name or id.'),
        user: name('Name or id.'),
        serviceAccount: name('Name or id.'),
        team: name('Name or id.'),
        organisation: name('Name or id.'),
        project: name('Name or id.'),
        endUser: name('As requests name it.'),
        tag: name('One tag.'),
        model: name('As asked for.'),
        provider: name('Its id.'),
      }),
    )
    .check(
      z.describe('What it counts against, beside what that belongs to. A correction counts against what it corrects.'),
    ),
  corrects: name('The id of the entry it corrects.'),
  reason: z.string().check(z.minLength(1), z.maxLength(1_000), z.describe('Shown in the ledger and its exports.')),
  reference: referenceSchema,
  atMs: z.optional(
    z
      .int()
      .check(z.minimum(0), z.describe('The time in which it counts, Unix milliseconds. Default: now. Never later.')),
  ),
  modelServed: name("The provider's name of the model, for reports."),
});

interface AdjustmentBody extends AdjustmentAbout {
  readonly amount: string | number;
  readonly reason: string;
  readonly reference?: string;
}

/** Enters an adjustment, or the correction of another entry, into the ledger; running budgets move with it. */
export function adjustLedger(context: AdminContext): Promise<AdminAnswer> {
  const body = context.body as unknown as AdjustmentBody;
  const enteredAtMs = nowMs();
  const costNanoUsd = amountOf(body.amount);
  const id = entryIdOf('adj', body.reference, enteredAtMs);
  if (body.atMs !== undefined && body.atMs > enteredAtMs) {
    throw new AdminFault('body_invalid', { param: 'atMs', message: 'atMs is in the future.' });
  }
  return commitAudited(context, async () => {
    const about = await adjustmentScopes(context, body);
    const entry: LedgerEntry = {
      id,
      kind: body.corrects === undefined ? 'adjustment' : 'correction',
      atMs: body.atMs ?? enteredAtMs,
      settledAtMs: enteredAtMs,
      fault: undefined,
      ...about,
      usage: {},
      costNanoUsd,
      uncovered: [],
      isEstimated: false,
      corrects: body.corrects,
      note: body.reason,
      enteredBy: context.caller.name,
      ...(about.markup !== undefined && { upliftNanoUsd: upliftOf(about.markup, costNanoUsd, false) }),
    };
    const earlier = body.reference === undefined ? undefined : await earlierEntry(context, entry, body.atMs);
    if (earlier !== undefined) {
      return { answer: { status: 201, body: entryOf(earlier), headers: { 'idempotent-replayed': 'true' } } };
    }
    const view = entryOf(entry);
    return {
      action: 'ledger.adjust',
      kind: LEDGER_ENTRY_KIND,
      entityId: id,
      before: undefined,
      after: view,
      puts: [],
      deletes: [],
      entries: [entry],
      status: 201,
      body: view,
    };
  });
}

/** @throws AdminFault `body_invalid` for what is no amount, or 0. */
function amountOf(amount: string | number): bigint {
  const nanoUsd = signedNanoUsdOfUsd(amount);
  if (nanoUsd !== undefined && nanoUsd !== 0n && nanoUsd <= AMOUNT_NANO_MAX && nanoUsd >= -AMOUNT_NANO_MAX) {
    return nanoUsd;
  }
  throw new AdminFault('body_invalid', {
    param: 'amount',
    message: 'amount must be US dollars other than 0, with at most nine decimals, up to 1000000000.',
    hint: 'More was spent: above 0. Less: below 0, as in "-1.25".',
  });
}

/** The same for the same reference. */
export function entryIdOf(prefix: string, reference: string | undefined, atMs: number): string {
  if (reference === undefined) return `${prefix}_${newExchangeId(atMs).slice(3)}`;
  return `${prefix}_${sha256Hex(reference).slice(0, 32)}`;
}

/** What was entered under the same reference. @throws AdminFault `record_conflict` when it says something else. */
async function earlierEntry(
  { house }: AdminContext,
  entry: LedgerEntry,
  atMs: number | undefined,
): Promise<LedgerEntry | undefined> {
  const found = await house.store.ledgerEntry(entry.id);
  if (found === undefined) return undefined;
  const isSame =
    found.costNanoUsd === entry.costNanoUsd &&
    found.note === entry.note &&
    found.corrects === entry.corrects &&
    (atMs === undefined || atMs === found.atMs);
  if (isSame) return found;
  throw new AdminFault('record_conflict', {
    param: 'reference',
    message: 'Something else was entered under this reference.',
    hint: 'Use a reference of its own for each adjustment.',
  });
}
