import { parseArgs } from 'node:util';
import type { Environment } from '../config/configuration.ts';
import { callGateway, type Output } from './call-gateway.ts';

export const secretHelp = `Change the server secret, under which stored keys are digested and credentials of
providers are encrypted.

Usage: npm start -- secret rotate

Before it, start every gateway of the database with the new secret in
TURNPIKE_SECRET and the old one in TURNPIKE_SECRET_PREVIOUS. After it, start
them without the old one. Keys and credentials work all along.

  --url URL      where the gateway is (default: TURNPIKE_URL, else
                 http://127.0.0.1:4000)
  --json         print what the admin API answered

Environment:
  TURNPIKE_ADMIN_KEY   the admin key

Exit codes: 0 done, 1 refused, 2 wrong command line, 3 no gateway answered.
`;

/** Runs `secret rotate`. @returns the exit code */
export async function runSecretCommand(
  args: readonly string[],
  environment: Environment,
  output: Output,
): Promise<number> {
  const command = read(args);
  if (command instanceof Error) {
    output.err(`${command.message}\n\n${secretHelp}`);
    return 2;
  }
  if (command.help) {
    output.out(secretHelp);
    return 0;
  }
  const { url, json: isJson = false } = command;
  const asked = await callGateway({ url, method: 'POST', path: '/secret/rotate', isJson }, environment, output);
  if ('code' in asked) return asked.code;
  const { answer, text } = asked;
  if (isJson) {
    output.out(`${text}\n`);
    return 0;
  }
  const state = answer.isRotated === true ? 'The new secret is in force' : 'The secret was in force already';
  output.out(`${state}; credentials encrypted anew: ${answer.credentials}.\n`);
  const unreadable = Array.isArray(answer.unreadable) ? answer.unreadable : [];
  if (unreadable.length > 0) output.err(`Neither secret opens these credentials: ${unreadable.join(', ')}.\n`);
  return 0;
}

function read(args: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { url: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    });
    if (!values.help && (positionals.length !== 1 || positionals[0] !== 'rotate'))
      return new Error('Say what to do: secret rotate.');
    return values;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
