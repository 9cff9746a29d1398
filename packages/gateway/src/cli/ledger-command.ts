import { parseArgs } from 'node:util';
import type { Environment } from '../config/configuration.ts';
import { csvLine, focusColumns } from '../ledger/focus-columns.ts';
import { type LedgerPage, type Store, StoreError } from '../store/store.ts';
import { withStore } from './store-commands.ts';

const PAGE = 1_000;

const help = `Writes the ledger out: one line for each call of a provider, and for each correction.

Usage: npm start -- ledger export [options]

  --format F     csv (default) or json: an object a line. The columns are those of
                 the FinOps cost and usage specification, and ours as x_…
  --from TIME    calls that began at this time or later: 2026-05-01, or
                 2026-05-01T12:00:00Z
  --to TIME      and before this time
  --scope S      only what counts against a scope: key:web, team:search, model:gpt-4o

What a running gateway has not shipped yet (a moment's worth) is not in it.
Which store: the PostgreSQL server at DATABASE_URL when that is set, else the
embedded one in TURNPIKE_DATA_DIR (default .turnpike).
`;

interface Streams {
  /** Resolves when more can be taken. */
  out: (text: string) => Promise<void>;
  err: (text: string) => void;
}

class WrongWords extends Error {}

/** Runs `ledger …`. @returns the exit code: 0 done, 1 the store cannot be read, 2 wrong command line. */
export async function runLedgerCommand(
  args: readonly string[],
  environment: Environment,
  streams: Streams,
): Promise<number> {
  try {
    const words = readWords(args);
    if (words === 'help') {
      await streams.out(help);
      return 0;
    }
    await withStore(environment, (store) => exportLedger(store, words, streams.out));
    return 0;
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof WrongWords)) throw error;
    streams.err(error instanceof WrongWords ? `${error.message}\n\n${help}` : `${error.message}\n`);
    return error instanceof WrongWords ? 2 : 1;
  }
}

interface ExportWords extends Pick<LedgerPage, 'fromMs' | 'toMs' | 'scope'> {
  format: 'csv' | 'json';
}

function readWords(args: readonly string[]): ExportWords | 'help' {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw new WrongWords(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const [what, ...rest] = positionals;
  if (what !== 'export')
    throw new WrongWords(what === undefined ? 'Say what to do: ledger export.' : `There is no "${what}".`);
  if (rest.length > 0) throw new WrongWords(`"${rest[0]}" is one argument too many.`);
  const { format = 'csv', from, to, scope } = values;
  if (format !== 'csv' && format !== 'json') throw new WrongWords(`--format is csv or json, not "${format}".`);
  return { format, scope, fromMs: timeOf('--from', from), toMs: timeOf('--to', to) };
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (!/^\d{4}-\d{2}-\d{2}/.test(text) || Number.isNaN(ms)) throw new WrongWords(`${option} is no time: "${text}".`);
  return ms;
}

/** Page by page, oldest first, so that a ledger of any length takes no memory. */
async function exportLedger(store: Store, words: ExportWords, out: Streams['out']): Promise<void> {
  const { format, ...filter } = words;
  const names = focusColumns.map(({ name }) => name);
  if (format === 'csv') await out(`${csvLine(names)}\r\n`);
  for (let beyond: LedgerPage['beyond']; ; ) {
    const page = await store.ledgerEntries({ ...filter, limit: PAGE, order: 'oldest', beyond });
    const lines = page.map((entry) => {
      const fields = focusColumns.map(({ of }) => of(entry));
      if (format === 'csv') return `${csvLine(fields)}\r\n`;
      return `${JSON.stringify(Object.fromEntries(names.map((name, at) => [name, fields[at]])))}\n`;
    });
    if (lines.length > 0) await out(lines.join(''));
    if (page.length < PAGE) return;
    beyond = page.at(-1);
  }
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { format: text, from: text, to: text, scope: text, help: { type: 'boolean', short: 'h' } },
  });
}
