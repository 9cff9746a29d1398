import { chargedFor, type LedgerEntry, spentBy } from './entry.ts';

/** Credits are bought before they are used: what they buy is billed as usage, so they bill nothing themselves. */
const categories = {
  attempt: 'Usage',
  correction: 'Adjustment',
  adjustment: 'Adjustment',
  'top-up': 'Purchase',
  grant: 'Credit',
} as const;

/**
 * The columns of an export, in order: those of the FinOps cost and usage specification that say something here, and ours,
 * which begin with `x_`. Money is a decimal in US dollars, exact to the nano-dollar; empty where it is not known.
 *
 * @see https://focus.finops.org/focus-specification/
 */
export const focusColumns: readonly { name: string; of: (entry: LedgerEntry) => string }[] = [
  { name: 'BilledCost', of: (entry) => decimal(spentBy(entry)) },
  { name: 'BillingCurrency', of: () => 'USD' },
  { name: 'ChargePeriodStart', of: ({ atMs }) => new Date(atMs).toISOString() },
  { name: 'ChargePeriodEnd', of: ({ settledAtMs }) => new Date(settledAtMs).toISOString() },
  { name: 'ChargeCategory', of: ({ kind }) => categories[kind] },
  { name: 'ChargeClass', of: ({ kind }) => (kind === 'correction' ? 'Correction' : '') },
  { name: 'ChargeDescription', of: ({ note }) => note ?? '' },
  { name: 'ConsumedQuantity', of: ({ usage }) => total(usage.inputTokens, usage.outputTokens) },
  { name: 'ConsumedUnit', of: ({ kind }) => (kind === 'attempt' ? 'Tokens' : '') },
  { name: 'ProviderName', of: ({ provider }) => provider ?? '' },
  { name: 'ServiceCategory', of: () => 'AI and Machine Learning' },
  { name: 'ServiceName', of: ({ modelServed }) => modelServed ?? '' },
  { name: 'ResourceId', of: ({ endpoint }) => endpoint ?? '' },
  { name: 'Tags', of: ({ scopes }) => JSON.stringify(scopes) },
  { name: 'x_EntryId', of: ({ id }) => id },
  { name: 'x_Kind', of: ({ kind }) => kind },
  { name: 'x_ExchangeId', of: ({ exchangeId }) => exchangeId ?? '' },
  { name: 'x_Attempt', of: ({ attempt }) => attempt?.toString() ?? '' },
  { name: 'x_ModelAsked', of: ({ model }) => model ?? '' },
  { name: 'x_Fault', of: ({ fault }) => fault ?? '' },
  { name: 'x_Estimated', of: ({ isEstimated }) => String(isEstimated) },
  { name: 'x_InputTokens', of: ({ usage }) => usage.inputTokens?.toString() ?? '' },
  { name: 'x_OutputTokens', of: ({ usage }) => usage.outputTokens?.toString() ?? '' },
  { name: 'x_CacheReadTokens', of: ({ usage }) => usage.cacheReadTokens?.toString() ?? '' },
  { name: 'x_CacheWriteTokens', of: ({ usage }) => usage.cacheWriteTokens?.toString() ?? '' },
  { name: 'x_Uncovered', of: ({ uncovered }) => uncovered.join(' ') },
  { name: 'x_PaidBy', of: ({ paidBy }) => paidBy ?? '' },
  { name: 'x_Corrects', of: ({ corrects }) => corrects ?? '' },
  { name: 'x_PaidInCost', of: (entry) => (spentBy(entry) === entry.costNanoUsd ? '' : decimal(entry.costNanoUsd)) },
  { name: 'x_UpliftCost', of: ({ upliftNanoUsd }) => decimal(upliftNanoUsd) },
  { name: 'x_ChargedCost', of: (entry) => decimal(chargedFor(entry)) },
  { name: 'x_EnteredBy', of: ({ enteredBy }) => enteredBy ?? '' },
];

/** One line of CSV as RFC 4180 has it, without its end. */
export function csvLine(fields: readonly string[]): string {
  return fields.map(csvField).join(',');
}

/**
 * Names in an export come from callers, and spreadsheets run what begins like a formula: an apostrophe before it keeps it
 * text. Numbers stay numbers.
 */
function csvField(field: string): string {
  const isFormula = /^[=+\-@\t\r]/.test(field) && !/^-?\d+(\.\d+)?$/.test(field);
  const safe = isFormula ? `'${field}` : field;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function total(input: number | undefined, output: number | undefined): string {
  return input === undefined && output === undefined ? '' : String((input ?? 0) + (output ?? 0));
}

/** Nano-USD in US dollars, with nine places. */
function decimal(nanoUsd: bigint | undefined): string {
  if (nanoUsd === undefined) return '';
  const digits = (nanoUsd < 0n ? -nanoUsd : nanoUsd).toString().padStart(10, '0');
  return `${nanoUsd < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
