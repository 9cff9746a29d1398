import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearestNames } from '../config/near-names.ts';
import { WrongWords } from './ledger-words.ts';

/** Reads options as `parseArgs` does. @throws WrongWords that names the option, and the one that may have been meant. */
export function readArgs<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new WrongWords(optionProblem(error, Object.keys(config.options ?? {})));
  }
}

/** What is wrong with the options, in words of ours. */
export function optionProblem(error: unknown, options: readonly string[]): string {
  const { code, message } = error as { code?: string; message?: string };
  const [, name = ''] = /'(?:-\w, )?(-{1,2}[^' ]*)/.exec(message ?? '') ?? [];
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION': {
      const [near] = nearestNames(name.replace(/^-+/, ''), options, 1);
      return `There is no option ${name}.${near === undefined ? '' : ` Did you mean --${near}?`}`;
    }
    case 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE':
      if (message?.includes('does not take') === true) return `${name} takes no value.`;
      return `${name} needs a value; one that begins with a dash is written ${name}=-1.`;
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL': {
      const [, word] = /argument '([^']*)'/.exec(message ?? '') ?? [];
      return `"${word}" is one argument too many.`;
    }
    default:
      return message ?? String(error);
  }
}
