import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Environment } from '../../config/configuration.ts';
import { callGateway, type Output, type Row } from '../call-gateway.ts';
import { timeOf, WrongWords } from '../ledger-words.ts';
import { readArgs } from '../read-args.ts';
import { tableText } from '../table.ts';
import { figureColumns, readColumns } from './usage-columns.ts';
import { type Exported, mergedLines, readUsageFile } from './usage-file.ts';

/** As many as one request takes. */
const LINES_MAX = 1_500;
/** What the exit code says when figures differ. */
const DIFFERS = 4;

export const reconcileHelp = `Compares the ledger with a provider's usage or cost export, by day and model.

Usage: npm start -- ledger reconcile --provider openai --file usage.json [--file costs.csv]
       npm start -- ledger reconcile --provider anthropic --file november.csv --correct

  --provider ID    the provider, as the ledger names it
  --file FILE      its export; several are taken together. Known are the usage and
                   cost reports of OpenAI and Anthropic: the JSON their APIs answer,
                   and the CSV their consoles write
  --columns MAP    where any other CSV or JSON list has its figures:
                   'date=Day,model=Model,input=Prompt,output=Completion,
                   cache-read=Cached,cache-write=Stored,cost=USD'; A+B adds up
  --where COL=VAL  only lines with this value, such as api_key_id=key_1; repeatable
  --by day         compare whole days, not models
  --from, --to DAY compare these days (default: those of the file)
  --tolerance P    percent of the provider's figure that may differ (default 0.5)
  --tolerance-usd  and dollars of a day and model (default 0.01)
  --correct        enter what differs into the ledger, as adjustments with the names of
                   the files; run again, it enters nothing
  --json           print what the admin API answered
  --url URL        where the gateway is (default: TURNPIKE_URL, else
                   http://127.0.0.1:4000)

Environment:
  TURNPIKE_ADMIN_KEY   the admin key, or a key with the scope ledger:read, and
                       ledger:write to correct

Exit codes: 0 nothing differs, or it was corrected; 1 refused, 2 wrong command line or
file, 3 no gateway answered, 4 figures differ.
`;

/** Runs `ledger reconcile …`. @throws WrongWords */
export async function runReconcile(args: readonly string[], environment: Environment, output: Output): Promise<number> {
  const { values } = parse(args);
  if (values.help) {
    output.out(reconcileHelp);
    return 0;
  }
  const { provider, file: files = [], url, json: isJson = false, correct = false } = values;
  if (provider === undefined) throw new WrongWords('--provider is missing, such as --provider openai.');
  if (files.length === 0) throw new WrongWords('--file is missing: the export of the provider.');
  if (values.by !== undefined && values.by !== 'day' && values.by !== 'model') {
    throw new WrongWords(`--by is day or model, not "${values.by}".`);
  }
  const read = {
    columns: values.columns === undefined ? undefined : readColumns(values.columns),
    where: (values.where ?? []).map(whereOf),
    isByDay: values.by === 'day',
  };
  const exports = await Promise.all(files.map(async (file) => readUsageFile(file, await textOf(file), read)));
  const { tolerance, 'tolerance-usd': toleranceUsd } = values;
  const body = {
    provider,
    ...bodyOf(exports, dayOption('--from', values.from), dayOption('--to', values.to)),
    reason: files
      .map((file) => basename(file))
      .join(', ')
      .slice(0, 500),
    ...(tolerance !== undefined && { tolerancePercent: tolerance }),
    ...(toleranceUsd !== undefined && { toleranceUsd }),
    ...(correct && { correct }),
  };
  const request = { url, method: 'POST', path: '/ledger/reconciliations', body, isJson } as const;
  const asked = await callGateway(request, environment, output);
  if ('code' in asked) return asked.code;
  const { answer, text } = asked;
  const isRight = answer.differing === 0 || answer.corrected === answer.differing;
  output.out(isJson ? `${text}\n` : reportOf(exports, body.figures, answer));
  return isRight ? 0 : DIFFERS;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new WrongWords(`--file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

function whereOf(text: string): { column: string; value: string } {
  const [, column, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (column === undefined || value === undefined)
    throw new WrongWords(`--where is like api_key_id=key_1, not "${text}".`);
  return { column, value };
}

function dayOption(option: string, text: string | undefined): string | undefined {
  const ms = timeOf(option, text);
  return ms === undefined ? undefined : new Date(ms).toISOString().slice(0, 10);
}

/** @throws WrongWords when the files do not go together, or are too much for one comparison. */
function bodyOf(exports: readonly Exported[], from: string | undefined, to: string | undefined) {
  const hasModels = exports.map(({ lines }) => lines.some(({ model }) => model !== undefined));
  const withLines = exports.filter(({ lines }) => lines.length > 0);
  if (withLines.length > 1 && new Set(hasModels.filter((_, at) => (exports[at]?.lines.length ?? 0) > 0)).size > 1) {
    throw new WrongWords('One file names models and another does not: compare whole days with --by day.');
  }
  const all = mergedLines(exports) as { date: string }[];
  const dates = all.map(({ date }) => date).sort();
  const [first, last] = [from ?? dates[0], to ?? dates.at(-1)];
  if (first === undefined || last === undefined) {
    throw new WrongWords('The export has no figures. To compare days without use, give --from and --to.');
  }
  const lines = all.filter(({ date }) => date >= first && date <= last);
  if (lines.length > LINES_MAX) {
    throw new WrongWords(
      `The export has ${lines.length} lines by day and model, and ${LINES_MAX} are compared at a time: narrow it with --from and --to, or use --by day.`,
    );
  }
  const figures = figureColumns.filter((figure) => exports.some((each) => each.figures.includes(figure)));
  return { from: first, to: last, figures, lines };
}

const titles = {
  inputTokens: 'input',
  outputTokens: 'output',
  cacheReadTokens: 'cache read',
  cacheWriteTokens: 'cache write',
  cost: 'cost USD',
} as const;

function reportOf(exports: readonly Exported[], figures: readonly (keyof typeof titles)[], answer: Row): string {
  const lines = (Array.isArray(answer.data) ? answer.data : []) as Row[];
  const differing = lines.filter((line) => (line.differing as unknown[]).length > 0);
  const head = ['day', 'model', 'figure', 'provider', 'ledger', 'entered as'];
  const rows = differing.flatMap((line) =>
    figures
      .filter((figure) => (line.differing as unknown[]).includes(figure))
      .map((figure) => {
        const field = figure === 'cost' ? 'costUsd' : figure;
        const sides = [line.provider, line.ledger].map((side) => String((side as Row)[field]));
        return [
          String(line.date),
          String(line.model ?? '(all)'),
          titles[figure],
          ...sides,
          String(line.entryId ?? '–'),
        ];
      }),
  );
  const names = exports.map(({ name }) => name).join(', ');
  const compared = figures.map((figure) => titles[figure]).join(', ');
  const says = `${lines.length} lines compared (${names}: ${compared}), ${differing.length} differ, ${String(answer.corrected)} corrected.\n`;
  return rows.length === 0 ? says : `${tableText([head, ...rows])}\n${says}`;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const several = { type: 'string', multiple: true } as const;
  return readArgs({
    args: [...args],
    options: {
      provider: text,
      file: several,
      columns: text,
      where: several,
      by: text,
      from: text,
      to: text,
      tolerance: text,
      'tolerance-usd': text,
      correct: { type: 'boolean' },
      url: text,
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}
