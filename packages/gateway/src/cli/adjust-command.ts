import type { Environment } from '../config/configuration.ts';
import { callGateway, type Output } from './call-gateway.ts';
import { timeOf, WrongWords, withSigned } from './ledger-words.ts';
import { readArgs } from './read-args.ts';

const scopes = {
  key: 'key',
  user: 'user',
  'service-account': 'serviceAccount',
  team: 'team',
  organisation: 'organisation',
  project: 'project',
  'end-user': 'endUser',
  tag: 'tag',
  model: 'model',
  provider: 'provider',
} as const;

export const adjustHelp = `Enters an amount into the ledger by hand, through a running gateway: budgets count
it at once. Nothing is overwritten; what was wrong is put right by a further entry.

Usage: npm start -- ledger adjust --team NAME --amount -1.25 --reason TEXT
       npm start -- ledger adjust --corrects ENTRY --amount 0.75 --reason TEXT

  --amount USD   above 0: more was spent; below 0: less
  --reason TEXT  shown in the ledger and its exports
  --corrects ID  the entry it corrects: it counts against all that one does
  --key, --user, --service-account, --team, --organisation, --project,
  --end-user, --tag, --model, --provider
                 what it counts against, beside what that belongs to
  --at TIME      the time in which it counts (default: now)
  --reference R  yours: what comes again with the same one is entered once
  --url URL      where the gateway is (default: TURNPIKE_URL, else
                 http://127.0.0.1:4000)
  --json         print what the admin API answered

Environment:
  TURNPIKE_ADMIN_KEY   the admin key, or a key with the scope ledger:write

Exit codes: 0 done, 1 refused, 2 wrong command line, 3 no gateway answered.
`;

/** Runs `ledger adjust …`. @throws WrongWords */
export async function runAdjust(args: readonly string[], environment: Environment, output: Output): Promise<number> {
  const { values } = parse(args);
  if (values.help) {
    output.out(adjustHelp);
    return 0;
  }
  const { amount, reason, corrects, reference, at, url, json: isJson = false } = values;
  if (amount === undefined) throw new WrongWords('--amount is missing.');
  if (reason === undefined) throw new WrongWords('--reason is missing.');
  const scope = Object.fromEntries(
    Object.entries(scopes).flatMap(([option, field]) => {
      const value = values[option as keyof typeof scopes];
      return value === undefined ? [] : [[field, value]];
    }),
  );
  const atMs = timeOf('--at', at);
  const body = {
    amount,
    reason,
    ...(Object.keys(scope).length > 0 && { scope }),
    ...(corrects !== undefined && { corrects }),
    ...(reference !== undefined && { reference }),
    ...(atMs !== undefined && { atMs }),
  };
  const asked = await callGateway(
    { url, method: 'POST', path: '/ledger/adjustments', body, isJson },
    environment,
    output,
  );
  if ('code' in asked) return asked.code;
  const { answer, text } = asked;
  output.out(isJson ? `${text}\n` : `Entered ${String(answer.costUsd)} USD as ${String(answer.id)}.\n`);
  return 0;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return readArgs({
    args: withSigned(args, '--amount'),
    options: {
      amount: text,
      reason: text,
      corrects: text,
      reference: text,
      at: text,
      key: text,
      user: text,
      'service-account': text,
      team: text,
      organisation: text,
      project: text,
      'end-user': text,
      tag: text,
      model: text,
      provider: text,
      url: text,
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}
