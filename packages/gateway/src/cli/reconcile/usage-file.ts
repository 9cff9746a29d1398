import { usd } from '../../catalog/decimal.ts';
import { WrongWords } from '../ledger-words.ts';
import { columnsOf, type FigureColumn, figureColumns, type UsageColumns } from './usage-columns.ts';
import { type UsageRecord, usageRecords } from './usage-records.ts';

/** What a day and model have in an export; `cost` in nano-USD. */
export interface ExportedLine {
  readonly date: string;
  readonly model: string | undefined;
  readonly figures: Readonly<Partial<Record<FigureColumn, bigint>>>;
}

export interface Exported {
  /** What the export is, for people. */
  readonly name: string;
  readonly lines: readonly ExportedLine[];
  readonly figures: readonly FigureColumn[];
}

export interface ReadUsage {
  /** Undefined: as the export is known. */
  readonly columns: UsageColumns | undefined;
  /** Only records with these values. */
  readonly where: readonly { readonly column: string; readonly value: string }[];
  /** Whole days, whatever models it names. */
  readonly isByDay: boolean;
}

/** Reads an export. @throws WrongWords naming the file, the record and the column at fault. */
export function readUsageFile(file: string, text: string, { columns, where, isByDay }: ReadUsage): Exported {
  const all = usageRecords(file, text);
  const names = new Set(all.flatMap((record) => Object.keys(record)));
  const known = columns ?? columnsOf(file, names);
  requireColumns(file, names, [...where.map(({ column }) => column), ...(columns === undefined ? [] : given(columns))]);
  const records = all.filter((record) => where.every(({ column, value }) => record[column] === value));
  const figures = figureColumns.filter((figure) => known.figures[figure]?.some((column) => names.has(column)));
  const lines = records.flatMap((record) => lineOf(file, known, figures, record) ?? []);
  const hasModels = !isByDay && lines.some(({ model }) => model !== undefined);
  return {
    name: known.name,
    figures,
    lines: lines.map((line) => ({ ...line, model: hasModels ? (line.model ?? 'other') : undefined })),
  };
}

function given({ date, model, figures }: UsageColumns): string[] {
  return [...date, ...model, ...Object.values(figures).flat()];
}

function requireColumns(file: string, names: ReadonlySet<string>, columns: readonly string[]): void {
  const missing = columns.find((column) => !names.has(column));
  if (missing === undefined) return;
  throw new WrongWords(`${file} has no column "${missing}". It has: ${[...names].join(', ')}.`);
}

/** Undefined for a record without any figure: a day without use. */
function lineOf(
  file: string,
  known: UsageColumns,
  figures: readonly FigureColumn[],
  record: UsageRecord,
): ExportedLine | undefined {
  const has = (column: string) => record[column] !== undefined && record[column] !== '';
  const date = known.date.find(has);
  const wrong = (column: string, what: string) =>
    new WrongWords(`${file}: ${column} is no ${what}: "${record[column]}".`);
  const values = figures.flatMap((figure) => {
    const columns = (known.figures[figure] ?? []).filter(has);
    if (columns.length === 0) return [];
    const sum = columns.reduce((total, column) => {
      const value =
        figure === 'cost' ? scaledDecimal(record[column] ?? '', 9 - known.costShift) : count(record[column]);
      if (value === undefined) throw wrong(column, figure === 'cost' ? 'amount' : 'count of tokens');
      return total + value;
    }, 0n);
    return [[figure, sum] as const];
  });
  if (values.length === 0) return undefined;
  if (date === undefined) throw new WrongWords(`${file} has a record without a date.`);
  const day = dayOf(record[date] ?? '');
  if (day === undefined) throw wrong(date, 'date');
  const currency = known.currency === undefined ? undefined : record[known.currency];
  if (currency !== undefined && currency !== '' && currency.toLowerCase() !== 'usd') {
    throw new WrongWords(`${file} has amounts in ${currency}; the ledger is in US dollars.`);
  }
  const model = known.model.find(has);
  // A line of a bill says what of the model it is for: `gpt-4o-2024-08-06, cached input`.
  const name = model === 'line_item' ? record[model]?.split(',')[0] : model && record[model];
  return { date: day, model: name, figures: Object.fromEntries(values) };
}

function count(text = ''): bigint | undefined {
  const digits = text.replace(/\.0+$/, '');
  return /^\d{1,15}$/.test(digits) ? BigInt(digits) : undefined;
}

/** The UTC day of a date, a time, or Unix seconds or milliseconds. A time without a zone is in UTC, as providers mean it. */
function dayOf(text: string): string | undefined {
  const isNumber = /^\d{9,13}$/.test(text);
  const [date = '', time = ''] = text.trim().split(/[T ]/, 2);
  const clock = time === '' ? '00:00Z' : /(Z|[+-]\d{2}:?\d{2})$/.test(time) ? time : `${time}Z`;
  const ms = isNumber
    ? Number(text) * (text.length > 11 ? 1 : 1_000)
    : Date.parse(`${date.replaceAll('/', '-')}T${clock}`);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().slice(0, 10);
}

/** `text` × 10^`places`, rounded to whole ones, halves away from zero: bills have more digits than there are nano-dollars. */
export function scaledDecimal(text: string, places: number): bigint | undefined {
  const [, sign, whole = '', fraction = '', exponent = '0'] =
    /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text.trim().replace(/^\$/, '')) ?? [];
  if (sign === undefined) return undefined;
  const shift = places + Number(exponent) - fraction.length;
  const digits = BigInt(whole + fraction);
  const divisor = shift < 0 ? 10n ** BigInt(-shift) : 1n;
  const size = shift < 0 ? (digits + divisor / 2n) / divisor : digits * 10n ** BigInt(shift);
  return sign === '-' ? -size : size;
}

/** Lines of several exports together, those of one day and model added up. */
export function mergedLines(files: readonly Exported[]): Record<string, unknown>[] {
  const sums = new Map<string, { date: string; model: string | undefined; figures: Map<FigureColumn, bigint> }>();
  for (const { date, model, figures } of files.flatMap(({ lines }) => lines)) {
    const key = `${date}\n${model}`;
    const sum = sums.get(key) ?? { date, model, figures: new Map<FigureColumn, bigint>() };
    sums.set(key, sum);
    for (const name of figureColumns) {
      const figure = figures[name];
      if (figure !== undefined) sum.figures.set(name, (sum.figures.get(name) ?? 0n) + figure);
    }
  }
  return [...sums.values()].map(({ date, model, figures }) => ({
    date,
    ...(model !== undefined && { model }),
    ...Object.fromEntries([...figures].map(([name, figure]) => [name, name === 'cost' ? usd(figure) : Number(figure)])),
  }));
}
