import type { Environment } from '../config/configuration.ts';
import { csvLine } from '../ledger/focus-columns.ts';
import { callGateway, type Output, type Row } from './call-gateway.ts';
import { WrongWords } from './ledger-words.ts';
import { readArgs } from './read-args.ts';
import { tableText } from './table.ts';

const PAGE = 500;

export const chargebackHelp = `Shows what each team is charged in a month: what the providers cost, what markups add,
and both together. Lines make up the total to the nano-dollar.

Usage: npm start -- ledger chargeback --month 2026-11 [options]

  --month M      the month; one under way holds what there is so far
  --by KIND      team (default), organisation, project, key, user or
                 service-account: one line for each
  --zone Z       whose month, such as Europe/Berlin (default UTC)
  --format F     table (default), csv or json
  --url URL      where the gateway is (default: TURNPIKE_URL, else
                 http://127.0.0.1:4000)

Environment:
  TURNPIKE_ADMIN_KEY   the admin key, or a key with the scope ledger:read

Exit codes: 0 done, 1 refused, 2 wrong command line, 3 no gateway answered.
`;

const formats = ['table', 'csv', 'json'] as const;

/** All pages of a report, as the admin API has them. */
interface Report {
  readonly by: string;
  readonly lines: readonly Row[];
  readonly unassigned: Row;
  readonly total: Row;
}

/** Runs `ledger chargeback …`. @throws WrongWords */
export async function runChargeback(
  args: readonly string[],
  environment: Environment,
  output: Output,
): Promise<number> {
  const { values } = parse(args);
  if (values.help) {
    output.out(chargebackHelp);
    return 0;
  }
  const { month, by = 'team', zone = 'UTC', url } = values;
  const format = formats.find((each) => each === (values.format ?? 'table'));
  if (month === undefined) throw new WrongWords('--month is missing: --month 2026-11.');
  if (format === undefined) throw new WrongWords(`--format is table, csv or json, not "${values.format}".`);
  const lines: Row[] = [];
  for (let cursor = ''; ; ) {
    const query = new URLSearchParams({ month, by, zone, limit: String(PAGE), ...(cursor !== '' && { cursor }) });
    const path = `/ledger/chargeback?${query}`;
    const asked = await callGateway({ url, method: 'GET', path, isJson: format === 'json' }, environment, output);
    if ('code' in asked) return asked.code;
    const { data, nextCursor, ...rest } = asked.answer;
    lines.push(...(data as Row[]));
    if (typeof nextCursor === 'string') {
      cursor = nextCursor;
      continue;
    }
    const report: Report = { by, lines, unassigned: rest.unassigned as Row, total: rest.total as Row };
    if (format === 'json') output.out(`${JSON.stringify({ ...rest, data: lines })}\n`);
    else output.out(format === 'csv' ? csvText(month, zone, report) : tableOf(report));
    return 0;
  }
}

/** What counts against none of the kind is a line without a name; there is none for the total, so that columns add up. */
function csvText(month: string, zone: string, { by, lines, unassigned }: Report): string {
  const head = [
    'month',
    'zone',
    'kind',
    'name',
    'entries',
    'unpriced',
    'provider_cost_usd',
    'uplift_usd',
    'charge_usd',
  ];
  const all = [...lines, ...(isEmpty(unassigned) ? [] : [unassigned])];
  const rows = all.map((line) => [month, zone, by, textOf(line.name), ...figuresOf(line)]);
  return [head, ...rows].map((fields) => `${csvLine(fields)}\r\n`).join('');
}

function tableOf({ by, lines, unassigned, total }: Report): string {
  const rows = lines.map((line) => [textOf(line.name), ...figuresOf(line)]);
  if (!isEmpty(unassigned)) rows.push([`(no ${by})`, ...figuresOf(unassigned)]);
  rows.push(['total', ...figuresOf(total)]);
  return tableText([[by, 'entries', 'unpriced', 'cost', 'uplift', 'charge'], ...rows], { left: 1 });
}

function figuresOf({ entries, unpriced, costUsd, upliftUsd, chargeUsd }: Row): string[] {
  return [entries, unpriced, costUsd, upliftUsd, chargeUsd].map(String);
}

function isEmpty({ entries, costNanoUsd, upliftNanoUsd }: Row): boolean {
  return entries === 0 && costNanoUsd === '0' && upliftNanoUsd === '0';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return readArgs({
    args: [...args],
    options: { month: text, by: text, zone: text, format: text, url: text, help: { type: 'boolean', short: 'h' } },
  });
}
