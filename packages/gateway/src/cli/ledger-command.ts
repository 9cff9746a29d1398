import type { Environment } from '../config/configuration.ts';
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
const allHelp = [...commands.values()].map(({ help }) => help).join('\n');

/** Runs `ledger …`, and `credits …` beside it. @returns the exit code: 0 done, 1 it could not be done, 2 wrong command line; more as each command says. */
export async function runLedgerCommand(
  args: readonly string[],
  environment: Environment,
  streams: Streams,
): Promise<number> {
  const [what, ...rest] = args;
  const command = commands.get(what);
  if (what === '--help' || what === '-h') {
    await streams.out(allHelp);
    return 0;
  }
  try {
    if (command === undefined) {
      const names = [...commands.keys()].join(', ');
      throw new WrongWords(what === undefined ? `Say what to do: ledger ${names}.` : `There is no "${what}".`);
    }
    return await command.run(rest, environment, streams);
  } catch (error) {
    if (error instanceof WrongWords) {
      streams.err(`${error.message}\n\n${command?.help ?? allHelp}`);
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
