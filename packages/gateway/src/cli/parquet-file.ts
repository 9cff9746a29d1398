import { type LedgerEntry, spentBy } from '../ledger/entry.ts';
import { focusColumns } from '../ledger/focus-columns.ts';

/** A Parquet file that is written piece by piece; each call gives the bytes that come next. */
export interface ParquetFile {
  /** One row group, so that no more than these entries are held. */
  group(entries: readonly LedgerEntry[]): Promise<Uint8Array>;
  /** The footer. */
  end(): Promise<Uint8Array>;
}

type Kind = keyof typeof elements;

/** Anything else is text. Amounts are whole numbers of nano-dollars below, with the point at the ninth place. */
const kinds: Readonly<Record<string, Kind>> = {
  BilledCost: 'money',
  ChargePeriodStart: 'time',
  ChargePeriodEnd: 'time',
  ConsumedQuantity: 'integer',
  x_Attempt: 'integer',
  x_Estimated: 'truth',
  x_InputTokens: 'integer',
  x_OutputTokens: 'integer',
  x_CacheReadTokens: 'integer',
  x_CacheWriteTokens: 'integer',
  x_PaidInCost: 'money',
  x_UpliftCost: 'money',
  x_ChargedCost: 'money',
};

const elements = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  integer: { type: 'INT64' },
  time: { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' },
  truth: { type: 'BOOLEAN' },
  // Nine bytes hold every 64-bit amount, and 19 digits are what such an amount may have.
  money: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 9, converted_type: 'DECIMAL', precision: 19, scale: 9 },
} as const;

type Value = string | bigint | boolean | Date | null;

const columns: readonly { name: string; kind: Kind; of: (entry: LedgerEntry) => Value }[] = [
  ...focusColumns.map(({ name, of }) => {
    const kind = kinds[name] ?? 'text';
    return { name, kind, of: (entry: LedgerEntry) => typedValue(kind, of(entry)) };
  }),
  { name: 'x_CostNanoUsd', kind: 'integer', of: (entry) => spentBy(entry) ?? null },
];

/** Begins a file with the columns of the other formats and `x_CostNanoUsd`; what is not known is null. */
export async function beginParquet(): Promise<ParquetFile> {
  // Only an export in this format needs it.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    writer,
    createdBy: 'turnpike',
    schema: [
      { name: 'root', num_children: columns.length },
      ...columns.map(({ name, kind }) => ({ name, repetition_type: 'OPTIONAL' as const, ...elements[kind] })),
    ],
  });
  const taken = () => {
    const bytes = writer.getBytes().slice();
    writer.index = 0;
    return bytes;
  };
  return {
    async group(entries) {
      await file.write({
        columnData: columns.map(({ name, of }) => ({ name, data: entries.map(of), offsetIndex: false })),
        rowGroupSize: entries.length,
      });
      return taken();
    },
    async end() {
      await file.finish();
      return taken();
    },
  };
}

function typedValue(kind: Kind, text: string): Value {
  if (text === '') return null;
  if (kind === 'time') return new Date(text);
  // Written with nine places.
  if (kind === 'money') return BigInt(text.replace('.', ''));
  if (kind === 'truth') return text === 'true';
  // Providers have reported figures that are none.
  if (kind === 'integer') return /^-?\d{1,18}$/.test(text) ? BigInt(text) : null;
  return text;
}
