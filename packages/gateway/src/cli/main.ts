import { type Gateway, startGateway } from '../compose.ts';
import { version } from '../runtime/version.ts';
import { StartError } from '../start-error.ts';
import { StoreError } from '../store/store.ts';
import type { AdminThing } from './admin-options.ts';
import { banner } from './banner.ts';
import { isPort, readCommand, type ServeOptions } from './options.ts';
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
    case 'store':
      await runOnStore(command.command);
      return;
    case 'serve':
      await serveUntilSignal(command.options);
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

async function serveUntilSignal(options: ServeOptions): Promise<void> {
  let gateway: Gateway;
  try {
    gateway = await startGateway({
      configFile: options.configFile,
      port: options.port ?? environmentPort(),
      host: options.host,
      environment: process.env,
    });
  } catch (error) {
    if (!(error instanceof StartError) && !(error instanceof StoreError)) throw error;
    process.stderr.write(`Turnpike could not start.\n\n${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  for (const line of gateway.report) process.stderr.write(`${line}\n`);
  process.stdout.write(banner(gateway));
  // What building the house left behind, some 3 MB of garbage and of code that ran for the last time, is let go. Only
  // here: later this would throw away what the compilers learned from the traffic.
  Bun.shrink();

  process.on('SIGHUP', () => void gateway.reload());
  let isStopping = false;
  const stop = async () => {
    // A second signal means: now.
    if (isStopping) process.exit(1);
    isStopping = true;
    process.stderr.write('Stopping: running streams may end first. A second signal stops at once.\n');
    await gateway.stop();
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop());
  process.on('SIGINT', () => void stop());
}

function environmentPort(): number | undefined {
  const text = process.env.PORT;
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  if (!isPort(port)) throw new StartError(`PORT must be a whole number from 0 to 65535, not "${text}".`);
  return port;
}

await main();
