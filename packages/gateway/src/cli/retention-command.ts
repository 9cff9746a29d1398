import type { Environment } from '../config/configuration.ts';
import { callGateway, type Output, type Row } from './call-gateway.ts';
import { WrongWords } from './ledger-words.ts';
import { readArgs } from './read-args.ts';

const LOOK_MS = 500;

export const retentionHelp = `Deletes exchanges of the log and attempts of the ledger that are older than
turnpike.yaml keeps them, at once. The gateway does so every hour by itself.

Usage: npm start -- retention run [--dry-run]
       npm start -- retention show

  --dry-run      count what would go, and delete nothing
  --url URL      where the gateway is (default: TURNPIKE_URL, else
                 http://127.0.0.1:4000)
  --json         print what the admin API answered

Environment:
  TURNPIKE_ADMIN_KEY   the admin key, or a key with the scopes ledger:write (run) and
                       ledger:read

Exit codes: 0 done, 1 refused or not done, 2 wrong command line, 3 no gateway answered.
`;

/** Runs `retention …`. @throws WrongWords */
export async function runRetention(args: readonly string[], environment: Environment, output: Output): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help) {
    output.out(retentionHelp);
    return 0;
  }
  const [action, ...rest] = positionals;
  if (action !== 'run' && action !== 'show') throw new WrongWords('Say what to do: retention run, show.');
  if (rest.length > 0) throw new WrongWords(`"${rest[0]}" is one argument too many.`);
  const { url, json: isJson = false, 'dry-run': dryRun = false } = values;
  if (action === 'show' && dryRun) throw new WrongWords('--dry-run is of retention run.');
  const show = () => callGateway({ url, method: 'GET', path: '/retention', isJson }, environment, output);
  if (action === 'show') {
    const asked = await show();
    if ('code' in asked) return asked.code;
    output.out(isJson ? `${asked.text}\n` : standing(asked.answer));
    return 0;
  }
  const body = dryRun ? { dryRun } : {};
  const begun = await callGateway({ url, method: 'POST', path: '/retention/runs', body, isJson }, environment, output);
  if ('code' in begun) return begun.code;
  for (;;) {
    await Bun.sleep(LOOK_MS);
    const asked = await show();
    if ('code' in asked) return asked.code;
    const latest = asked.answer.latest as Row | null;
    // Another process may have begun one meanwhile; then ours has ended too, or goes on unseen.
    if (latest === null || (latest.startedAtMs === begun.answer.startedAtMs && latest.endedAtMs === null)) continue;
    output.out(isJson ? `${JSON.stringify(latest)}\n` : `${runText(latest)}\n`);
    return latest.trouble === null ? 0 : 1;
  }
}

function standing({ exchangeLogDays, ledgerDays, latest }: Row): string {
  const kept = (days: unknown) => (days === null ? 'for ever' : `${String(days)} days`);
  const lines = [
    `Exchanges are kept ${kept(exchangeLogDays)}, attempts of the ledger ${kept(ledgerDays)}; sums for ever.`,
    latest === null ? 'Nothing was deleted yet.' : runText(latest as Row),
  ];
  return `${lines.join('\n')}\n`;
}

function runText(run: Row): string {
  const what = `${String(run.exchanges)} exchanges and ${String(run.ledgerEntries)} attempts of the ledger`;
  const kept = run.hoursKept === 0 ? '' : ` Attempts of ${String(run.hoursKept)} hours stay, since budgets need them.`;
  const at = new Date(Number(run.startedAtMs)).toISOString();
  if (run.trouble !== null) return `The run of ${at} ended early: ${String(run.trouble)} ${what} were deleted.`;
  if (run.endedAtMs === null) return `A run is under way since ${at}: ${what} so far.`;
  return run.isDryRun === true ? `${what} would be deleted.${kept}` : `${what} were deleted (${at}).${kept}`;
}

function parse(args: readonly string[]) {
  return readArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean' },
      url: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}
