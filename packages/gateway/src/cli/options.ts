import { parseArgs } from 'node:util';
import { nearestNames } from '../config/near-names.ts';
import { type AdminThing, adminThings, isAdminThing } from './admin-help.ts';
import { optionProblem } from './read-args.ts';
import { storeHelp } from './store-help.ts';
import { isStoreCommand, readStoreCommand, type StoreWords } from './store-options.ts';

/** What the command line asks for. */
export type Command =
  | { type: 'serve'; options: ServeOptions }
  | { type: 'admin'; what: AdminThing; args: readonly string[] }
  | { type: 'ledger'; args: readonly string[] }
  | { type: 'secret'; args: readonly string[] }
  | StoreWords
  | { type: 'version' };

export interface ServeOptions {
  configFile: string | undefined;
  port: number | undefined;
  host: string | undefined;
  /** Processes that serve the port together; `auto` for one per core. Undefined: as the environment says, else one. */
  workers: number | 'auto' | undefined;
}

/** More are refused as a slip. */
const WORKERS_MAX = 256;

const help = `Turnpike, a self-hosted LLM gateway.

Usage: npm start -- [serve] [options]
       npm start -- key create | list | show | update | rotate | block | unblock | delete
       npm start -- team create | list | show | update | block | unblock | delete
                    (likewise user, organisation, project, service-account)
       npm start -- ledger export | adjust | chargeback | reconcile
       npm start -- credits top-up | show
       npm start -- secret rotate
       npm start -- retention run | show
       npm start -- migrate | backup FILE | restore FILE | move --to URL
                    (each has its own --help)

  --config FILE   turnpike.yaml, or a LiteLLM config.yaml as it is
                  (default: turnpike.yaml in this folder, when there is one)
  --port N        port to listen on (default 4000; also PORT)
  --host H        address to listen on (default 127.0.0.1; anything wider
                  demands an explicit admin key)
  --workers N     serve with N processes that share the port, keys, limits and
                  budgets, or "auto" for one per core (default 1; also
                  TURNPIKE_WORKERS; Linux only)
  --version       print the version
  --help          print this

Environment:
  TURNPIKE_DATA_DIR    folder of the embedded database (default .turnpike)
  DATABASE_URL         postgres://… for a PostgreSQL server instead
  REDIS_URL            redis://… that gateways on several machines share
  TURNPIKE_SECRET      the secret stored keys are digested with; without it one is
                       kept in the data folder
  TURNPIKE_SECRET_PREVIOUS
                       the one before it, until "secret rotate" is done
  TURNPIKE_ADMIN_KEY   the admin key; without it one is made at first start
  OPENAI_API_KEY, ANTHROPIC_API_KEY, GROQ_API_KEY, …
                       any provider's usual variable makes it available at once

Signals: SIGHUP reads the configuration again; SIGTERM lets running streams end.
`;

const commands = [
  'serve',
  'ledger',
  'credits',
  'retention',
  'secret',
  ...Object.keys(adminThings),
  ...Object.keys(storeHelp),
];
const optionNames = ['config', 'port', 'host', 'workers', 'help', 'version'];

/** Reads the command line. Numbers and names are checked here; whether files exist is not. */
export function readCommand(args: readonly string[]): Command {
  const [first, ...others] = args;
  if (isAdminThing(first)) return { type: 'admin', what: first, args: others };
  if (first === 'ledger') return { type: 'ledger', args: others };
  if (first === 'secret') return { type: 'secret', args: others };
  if (first === 'credits' || first === 'retention') return { type: 'ledger', args };
  if (isStoreCommand(first)) return readStoreCommand(first, others);
  const wrong = (message: string): Command => ({ type: 'wrong', message, text: help });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    const [near] = first?.startsWith('-') === false && first !== 'serve' ? nearestNames(first, commands, 1) : [];
    if (near !== undefined) return wrong(`There is no command "${first}". Did you mean ${near}?`);
    return wrong(optionProblem(error, optionNames));
  }
  const { values, positionals } = parsed;
  if (values.help) return { type: 'help', text: help };
  if (values.version) return { type: 'version' };
  const [command, ...rest] = positionals;
  if (command !== undefined && command !== 'serve') {
    const [near] = nearestNames(command, commands, 1);
    return wrong(`There is no command "${command}".${near === undefined ? '' : ` Did you mean ${near}?`}`);
  }
  if (rest.length > 0) return wrong(`"${rest[0]}" is one argument too many.`);
  const port = values.port === undefined ? undefined : Number(values.port);
  if (port !== undefined && !isPort(port)) {
    return wrong(`--port must be a whole number from 0 to 65535, not "${values.port}".`);
  }
  const workers = values.workers === undefined ? undefined : workersOf(values.workers);
  if (values.workers !== undefined && workers === undefined) {
    return wrong(`--workers must be a whole number from 1 to ${WORKERS_MAX}, or auto, not "${values.workers}".`);
  }
  return { type: 'serve', options: { configFile: values.config, port, host: values.host, workers } };
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

/** Undefined when it is no number of workers. */
export function workersOf(text: string): number | 'auto' | undefined {
  if (text === 'auto') return 'auto';
  const count = Number(text);
  return /^\d+$/.test(text) && count >= 1 && count <= WORKERS_MAX ? count : undefined;
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      config: { type: 'string' },
      port: { type: 'string' },
      host: { type: 'string' },
      workers: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
}
