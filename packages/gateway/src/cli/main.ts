import { availableParallelism } from 'node:os';
import { version } from '../runtime/version.ts';
import { StartError } from '../start-error.ts';
import { StoreError } from '../store/store.ts';
import type { AdminThing } from './admin-help.ts';
import { isPort, readCommand, type ServeOptions, workersOf } from './options.ts';
import type { StoreCommand } from './store-options.ts';

/** Exit codes, commands to a running gateway apart: 0 stopped as asked, 1 could not start or be done, 2 wrong command line. */
async function main(): Promise<void> {
  const command = readCommand(process.argv.slice(2));
  switch (command.type) {
    case 'help':
      process.stdout.write(command.text);
      return;
    case 'version':
      process.stdout.write(`turnpike ${version}\n`);
      return;
    case 'wrong':
      process.stderr.write(`${command.message}\n\n${command.text}`);
      process.exitCode = 2;
      return;
    case 'admin':
      process.exitCode = await runOnGateway(command.what, command.args);
      return;
    case 'ledger':
      process.exitCode = await runOnLedger(command.args);
      return;
    case 'secret':
      process.exitCode = await runOnSecret(command.args);
      return;
    case 'store':
      await runOnStore(command.command);
      return;
    case 'serve':
      await serve(command.options);
  }
}

/** Loaded only here: serving needs none of it. */
async function runOnGateway(what: AdminThing, args: readonly string[]): Promise<number> {
  const { runAdminCommand } = await import('./admin-command.ts');
  return runAdminCommand(what, args, process.env, {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  });
}

/** Loaded only here: serving needs none of it. */
async function runOnLedger(args: readonly string[]): Promise<number> {
  const { runLedgerCommand } = await import('./ledger-command.ts');
  return runLedgerCommand(args, process.env, {
    out: async (part) => void (await Bun.write(Bun.stdout, part)),
    err: (text) => void process.stderr.write(text),
  });
}

/** Loaded only here: serving needs none of it. */
async function runOnSecret(args: readonly string[]): Promise<number> {
  const { runSecretCommand } = await import('./secret-command.ts');
  return runSecretCommand(args, process.env, {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  });
}

/** Loaded only here: serving needs none of it. */
async function runOnStore(command: StoreCommand): Promise<void> {
  try {
    const { runStoreCommand } = await import('./store-commands.ts');
    await runStoreCommand(command, process.env);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}

async function serve(options: ServeOptions): Promise<void> {
  try {
    const wanted = { ...options, port: options.port ?? environmentPort() };
    const workers = workersWanted(options.workers);
    if (workers > 1) {
      // The parent of workers has none of the gateway's code in its memory.
      const { superviseWorkers } = await import('./supervise-workers.ts');
      await superviseWorkers(wanted, workers);
      return;
    }
    const { serveUntilSignal } = await import('./serve-until-signal.ts');
    await serveUntilSignal(wanted);
  } catch (error) {
    if (!(error instanceof StartError) && !(error instanceof StoreError)) throw error;
    process.stderr.write(`Turnpike could not start.\n\n${error.message}\n`);
    process.exitCode = 1;
  }
}

/** @throws StartError */
function workersWanted(option: ServeOptions['workers']): number {
  const text = process.env.TURNPIKE_WORKERS || '1';
  const wanted = option ?? workersOf(text);
  if (wanted === undefined) throw new StartError(`TURNPIKE_WORKERS must be a whole number or auto, not "${text}".`);
  const workers = wanted === 'auto' ? availableParallelism() : wanted;
  if (workers > 1 && process.platform !== 'linux') {
    throw new StartError(
      'Several workers on one port need Linux, whose kernel deals connections out to them. Start with one.',
    );
  }
  return workers;
}

/** @throws StartError */
function environmentPort(): number | undefined {
  const text = process.env.PORT;
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (!isPort(port)) throw new StartError(`PORT must be a whole number from 0 to 65535, not "${text}".`);
  return port;
}

await main();
