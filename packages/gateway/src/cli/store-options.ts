import { parseArgs } from 'node:util';
import { optionProblem } from './read-args.ts';
import { type StoreCommandName, storeHelp } from './store-help.ts';

/** What the command line asks of the store. */
export type StoreCommand =
  | { name: 'migrate'; isDryRun: boolean }
  | { name: 'backup'; file: string }
  | { name: 'restore'; file: string }
  | { name: 'move'; to: string | undefined };

/** What came of reading the words after the command's name. */
export type StoreWords =
  | { type: 'store'; command: StoreCommand }
  | { type: 'help'; text: string }
  | { type: 'wrong'; message: string; text: string };

export function isStoreCommand(word: string | undefined): word is StoreCommandName {
  return word !== undefined && Object.hasOwn(storeHelp, word);
}

export function readStoreCommand(name: StoreCommandName, args: readonly string[]): StoreWords {
  const text = storeHelp[name];
  const wrong = (message: string): StoreWords => ({ type: 'wrong', message, text });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return wrong(optionProblem(error, ['dry-run', 'to', 'help']));
  }
  const { values, positionals } = parsed;
  if (values.help) return { type: 'help', text };
  if (values['dry-run'] && name !== 'migrate') return wrong(`${name} has no option --dry-run.`);
  if (values.to !== undefined && name !== 'move') return wrong(`${name} has no option --to.`);
  const takesFile = name === 'backup' || name === 'restore';
  const [file, ...rest] = takesFile ? positionals : [undefined, ...positionals];
  if (rest.length > 0) return wrong(`"${rest[0]}" is one argument too many.`);
  if (!takesFile) {
    const command: StoreCommand =
      name === 'move' ? { name, to: values.to } : { name, isDryRun: values['dry-run'] ?? false };
    return { type: 'store', command };
  }
  return file === undefined ? wrong(`Name the file: ${name} FILE.`) : { type: 'store', command: { name, file } };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean' },
      to: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}
