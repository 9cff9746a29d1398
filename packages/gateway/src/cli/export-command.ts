import type { Environment } from '../config/configuration.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import { csvLine, focusColumns } from '../ledger/focus-columns.ts';
import type { LedgerPage, Store } from '../store/store.ts';
import { timeOf, WrongWords } from './ledger-words.ts';
import { beginParquet, type ParquetFile } from './parquet-file.ts';
import { readArgs } from './read-args.ts';
import { withStore } from './store-commands.ts';

const PAGE = 1_000;
/** Rows of a Parquet group: what such an export holds at a time. */
const GROUP = 20 * PAGE;
const PROGRESS_EVERY = 100 * PAGE;

export const exportHelp = `Writes the ledger out: one line for each call of a provider, and for each correction.

Usage: npm start -- ledger export [options]

  --format F     csv (default), json: an object a line, or parquet: a file, with
                 amounts as exact decimals. The columns are those of the FinOps
                 cost and usage specification, and ours as x_…
  --from TIME    calls that began at this time or later: 2026-05-01, or
                 2026-05-01T12:00:00Z
  --to TIME      and before this time
  --scope S      only what counts against a scope: key:web, team:search, model:gpt-4o

What a running gateway has not shipped yet (a moment's worth) is not in it.
Which store: the PostgreSQL server at DATABASE_URL when that is set, else the
embedded one in TURNPIKE_DATA_DIR (default .turnpike).
`;

export interface Streams {
  /** Resolves when more can be taken. */
  out: (part: string | Uint8Array) => Promise<void>;
  err: (text: string) => void;
}

/** Runs `ledger export …`. @throws WrongWords, StoreError */
export async function runExport(args: readonly string[], environment: Environment, streams: Streams): Promise<number> {
  const words = readWords(args);
  if (words === 'help') await streams.out(exportHelp);
  else await withStore(environment, (store) => exportLedger(store, words, streams));
  return 0;
}

const formats = ['csv', 'json', 'parquet'] as const;
type Format = (typeof formats)[number];

interface ExportWords extends Pick<LedgerPage, 'fromMs' | 'toMs' | 'scope'> {
  format: Format;
}

function readWords(args: readonly string[]): ExportWords | 'help' {
  const { values } = parse(args);
  if (values.help) return 'help';
  const { from, to, scope } = values;
  const format = formats.find((each) => each === (values.format ?? 'csv'));
  if (format === undefined) throw new WrongWords(`--format is csv, json or parquet, not "${values.format}".`);
  return { format, scope, fromMs: timeOf('--from', from), toMs: timeOf('--to', to) };
}

/** Page by page, oldest first, so that a ledger of any length takes little memory. */
async function exportLedger(store: Store, words: ExportWords, { out, err }: Streams): Promise<void> {
  const { format, ...filter } = words;
  const writer = format === 'parquet' ? parquetOut(await beginParquet(), out) : linesOut(format, out);
  await writer.begin();
  let count = 0;
  for (let beyond: LedgerPage['beyond']; ; ) {
    const page = await store.ledgerEntries({ ...filter, limit: PAGE, order: 'oldest', beyond });
    await writer.add(page);
    count += page.length;
    if (page.length > 0 && count % PROGRESS_EVERY === 0) err(`${count} entries so far\n`);
    if (page.length < PAGE) break;
    beyond = page.at(-1);
  }
  await writer.end();
}

interface EntriesOut {
  begin(): Promise<void>;
  add(entries: readonly LedgerEntry[]): Promise<void>;
  end(): Promise<void>;
}

function linesOut(format: 'csv' | 'json', out: Streams['out']): EntriesOut {
  const names = focusColumns.map(({ name }) => name);
  return {
    begin: async () => {
      if (format === 'csv') await out(`${csvLine(names)}\r\n`);
    },
    add: async (entries) => {
      const lines = entries.map((entry) => {
        const fields = focusColumns.map(({ of }) => of(entry));
        if (format === 'csv') return `${csvLine(fields)}\r\n`;
        return `${JSON.stringify(Object.fromEntries(names.map((name, at) => [name, fields[at]])))}\n`;
      });
      if (lines.length > 0) await out(lines.join(''));
    },
    end: async () => {},
  };
}

function parquetOut(file: ParquetFile, out: Streams['out']): EntriesOut {
  let waiting: LedgerEntry[] = [];
  const write = async () => {
    if (waiting.length > 0) await out(await file.group(waiting));
    waiting = [];
  };
  return {
    begin: async () => {},
    add: async (entries) => {
      waiting.push(...entries);
      if (waiting.length >= GROUP) await write();
    },
    end: async () => {
      await write();
      await out(await file.end());
    },
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return readArgs({
    args: [...args],
    options: { format: text, from: text, to: text, scope: text, help: { type: 'boolean', short: 'h' } },
  });
}
