import { WrongWords } from '../ledger-words.ts';
import { BUCKET_START } from './usage-records.ts';

export const figureColumns = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens', 'cost'] as const;
export type FigureColumn = (typeof figureColumns)[number];

/** Where an export keeps what is compared. Of several columns for one figure the sum counts. */
export interface UsageColumns {
  /** For messages. */
  readonly name: string;
  /** The first of these that is there. */
  readonly date: readonly string[];
  /** Likewise; what a bill names besides models stands under its own name. */
  readonly model: readonly string[];
  readonly figures: Readonly<Partial<Record<FigureColumn, readonly string[]>>>;
  /** Ten to the power of so many of the cost's units make a dollar: 2 for cents. */
  readonly costShift: number;
  readonly currency?: string;
}

/** An export is known by columns that no other has. */
interface KnownColumns extends UsageColumns {
  readonly marks: readonly string[];
}

const openaiDates = [BUCKET_START, 'start_time', 'start_time_iso'];

/**
 * @see https://platform.openai.com/docs/api-reference/usage
 * @see https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report
 */
const known: readonly KnownColumns[] = [
  {
    name: 'usage of OpenAI',
    marks: ['num_model_requests'],
    date: openaiDates,
    model: ['model'],
    figures: {
      inputTokens: ['input_tokens'],
      outputTokens: ['output_tokens'],
      cacheReadTokens: ['input_cached_tokens'],
      cacheWriteTokens: ['input_cache_write_tokens'],
    },
    costShift: 0,
  },
  ...(['amount.value', 'amount_value'] as const).map((cost) => ({
    name: 'costs of OpenAI',
    marks: [cost],
    date: openaiDates,
    model: ['line_item'],
    figures: { cost: [cost] },
    costShift: 0,
    currency: cost.replace('value', 'currency'),
  })),
  {
    name: 'usage of Anthropic',
    marks: ['uncached_input_tokens'],
    date: [BUCKET_START],
    model: ['model'],
    figures: {
      inputTokens: [
        'uncached_input_tokens',
        'cache_read_input_tokens',
        'cache_creation.ephemeral_5m_input_tokens',
        'cache_creation.ephemeral_1h_input_tokens',
      ],
      outputTokens: ['output_tokens'],
      cacheReadTokens: ['cache_read_input_tokens'],
      cacheWriteTokens: ['cache_creation.ephemeral_5m_input_tokens', 'cache_creation.ephemeral_1h_input_tokens'],
    },
    costShift: 0,
  },
  {
    name: 'costs of Anthropic',
    marks: ['amount', 'currency'],
    date: [BUCKET_START],
    model: ['model', 'cost_type', 'description'],
    figures: { cost: ['amount'] },
    costShift: 2,
    currency: 'currency',
  },
  {
    name: 'usage of Anthropic (CSV)',
    marks: ['usage_input_tokens_no_cache'],
    date: ['usage_date_utc'],
    model: ['model_version', 'model'],
    figures: {
      inputTokens: [
        'usage_input_tokens_no_cache',
        'usage_input_tokens_cache_read',
        'usage_input_tokens_cache_write_5m',
        'usage_input_tokens_cache_write_1h',
      ],
      outputTokens: ['usage_output_tokens'],
      cacheReadTokens: ['usage_input_tokens_cache_read'],
      cacheWriteTokens: ['usage_input_tokens_cache_write_5m', 'usage_input_tokens_cache_write_1h'],
    },
    costShift: 0,
  },
  {
    name: 'costs of Anthropic (CSV)',
    marks: ['usage_date_utc', 'cost_usd'],
    date: ['usage_date_utc'],
    model: ['model', 'cost_type'],
    figures: { cost: ['cost_usd'] },
    costShift: 0,
  },
];

/** The columns of a known export. @throws WrongWords when it is none. */
export function columnsOf(file: string, columns: ReadonlySet<string>): UsageColumns {
  const found = known.find(({ marks }) => marks.every((mark) => columns.has(mark)));
  if (found !== undefined) return found;
  throw new WrongWords(
    `${file} is no export known here. Say where its figures stand: --columns 'date=DAY,model=NAME,input=COLUMN,output=COLUMN,cost=COLUMN'. It has: ${[...columns].join(', ')}.`,
  );
}

const words: Readonly<Record<string, FigureColumn>> = {
  input: 'inputTokens',
  output: 'outputTokens',
  'cache-read': 'cacheReadTokens',
  'cache-write': 'cacheWriteTokens',
  cost: 'cost',
};

/** Columns as the command line names them: `date=Day,model=Model,input=Prompt+Cached,cost=USD`. @throws WrongWords */
export function readColumns(text: string): UsageColumns {
  const figures: Partial<Record<FigureColumn, readonly string[]>> = {};
  let [date, model]: (string | undefined)[] = [];
  for (const part of text.split(',')) {
    const [, name = '', column = ''] = /^\s*([a-z-]+)=(.+?)\s*$/.exec(part) ?? [];
    const figure = words[name];
    if (name === 'date') date = column;
    else if (name === 'model') model = column;
    else if (figure !== undefined) figures[figure] = column.split('+').map((each) => each.trim());
    else
      throw new WrongWords(`--columns is like date=DAY,model=NAME,${Object.keys(words).join('=…,')}=…, not "${part}".`);
  }
  if (date === undefined) throw new WrongWords('--columns names no date: date=COLUMN.');
  if (Object.keys(figures).length === 0) throw new WrongWords('--columns names no figure, such as cost=COLUMN.');
  return { name: 'columns as given', date: [date], model: model === undefined ? [] : [model], figures, costShift: 0 };
}
