import type { Environment } from '../config/configuration.ts';
import { nearestNames } from '../config/near-names.ts';
import { StoreError } from '../store/store.ts';
import { adjustHelp, runAdjust } from './adjust-command.ts';
import { chargebackHelp, runChargeback } from './chargeback-command.ts';
import { creditsHelp, runCredits } from './credits-command.ts';
import { exportHelp, runExport, type Streams } from './export-command.ts';
import { WrongWords } from './ledger-words.ts';
import { reconcileHelp, runReconcile } from './reconcile/reconcile-command.ts';
import { retentionHelp, runRetention } from './retention-command.ts';

interface LedgerCommand {
  readonly help: string;
  readonly run: (args: readonly string[], environment: Environment, streams: Streams) => Promise<number>;
}

const commands: ReadonlyMap<string | undefined, LedgerCommand> = new Map([
  ['export', { help: exportHelp, run: runExport }],
  [
    'credits',
    { help: creditsHelp, run: (args, environment, streams) => runCredits(args, environment, plain(streams)) },
  ],
  [
    'chargeback',
    { help: chargebackHelp, run: (args, environment, streams) => runChargeback(args, environment, plain(streams)) },
  ],
  [
    'retention',
    { help: retentionHelp, run: (args, environment, streams) => runRetention(args, environment, plain(streams)) },
  ],
  [
    'reconcile',
    { help: reconcileHelp, run: (args, environment, streams) => runReconcile(args, environment, plain(streams)) },
  ],
  ['adjust', { help: adjustHelp, run: (args, environment, streams) => runAdjust(args, environment, plain(streams)) }],
]);
/** What begins the command line by itself, without `ledger` before it. */
const alone: ReadonlySet<string> = new Set(['credits', 'retention']);
const ofLedger = [...commands.keys()].filter((name): name is string => name !== undefined && !alone.has(name));
const ledgerHelp = `The ledger: what was spent, by whom, on what.

Usage: npm start -- ledger export       write the entries out: CSV, JSON, Parquet
       npm start -- ledger chargeback   what each team is charged in a month
       npm start -- ledger reconcile    compare with a provider's usage export
       npm start -- ledger adjust       enter an amount by hand
                    (each has its own --help)
`;

/** Runs `ledger …`, and `credits …` beside it. @returns the exit code: 0 done, 1 it could not be done, 2 wrong command line; more as each command says. */
export async function runLedgerCommand(
  args: readonly string[],
  environment: Environment,
  streams: Streams,
): Promise<number> {
  const [what, ...rest] = args;
  const command = commands.get(what);
  if (what === '--help' || what === '-h') {
    await streams.out(ledgerHelp);
    return 0;
  }
  try {
    if (command === undefined) {
      const say = `Say what to do: ledger ${ofLedger.join(', ')}.`;
      const [near] = what === undefined ? [] : nearestNames(what, ofLedger, 1);
      if (what === undefined) throw new WrongWords(say);
      throw new WrongWords(
        `There is no "ledger ${what}".${near === undefined ? ` ${say}` : ` Did you mean ledger ${near}?`}`,
      );
    }
    return await command.run(rest, environment, streams);
  } catch (error) {
    if (error instanceof WrongWords) {
      const about = command === undefined ? 'ledger' : alone.has(what ?? '') ? what : `ledger ${what}`;
      streams.err(`${error.message}\nSee npm start -- ${about} --help\n`);
      return 2;
    }
    if (!(error instanceof StoreError)) throw error;
    streams.err(`${error.message}\n`);
    return 1;
  }
}

/** Short texts need not be waited for. */
function plain({ out, err }: Streams): { out: (text: string) => void; err: (text: string) => void } {
  return { out: (text) => void out(text), err };
}
