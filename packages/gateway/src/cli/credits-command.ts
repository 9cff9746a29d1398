import type { Environment } from '../config/configuration.ts';
import { callGateway, type Output, type Row } from './call-gateway.ts';
import { WrongWords } from './ledger-words.ts';
import { readArgs } from './read-args.ts';

/** Whom it can be paid in for, with where the admin API keeps them. */
const places = {
  key: 'keys',
  user: 'users',
  'service-account': 'service-accounts',
  team: 'teams',
  project: 'projects',
  organisation: 'organisations',
} as const;

export const creditsHelp = `Prepaid credits: what was paid in for a team, an organisation, a user or a key, and
what of it is left. From the first top-up on, it spends no more than that.

Usage: npm start -- credits top-up --team NAME --amount 100 [--reference INV-7]
       npm start -- credits show --team NAME

  --key, --user, --service-account, --team, --project, --organisation
                 whose credits, by name or id
  --amount USD   what is paid in; 0 begins with nothing
  --grant        it is given, not paid
  --reference R  yours: what comes again with the same one is paid in once
  --reason TEXT  shown in the ledger
  --url URL      where the gateway is (default: TURNPIKE_URL, else
                 http://127.0.0.1:4000)
  --json         print what the admin API answered

Environment:
  TURNPIKE_ADMIN_KEY   the admin key, or a key with the scope ledger:write

Exit codes: 0 done, 1 refused, 2 wrong command line, 3 no gateway answered.
`;

/** Runs `credits …`. @throws WrongWords */
export async function runCredits(args: readonly string[], environment: Environment, output: Output): Promise<number> {
  const { values, positionals } = parse(args);
  if (values.help) {
    output.out(creditsHelp);
    return 0;
  }
  const [action, ...rest] = positionals;
  if (action !== 'top-up' && action !== 'show') throw new WrongWords('Say what to do: credits top-up, show.');
  if (rest.length > 0) throw new WrongWords(`"${rest[0]}" is one argument too many.`);
  const owners = Object.entries(places).flatMap(([option, path]) => {
    const name = values[option as keyof typeof places];
    return name === undefined ? [] : [{ option, name, path: `/${path}/${encodeURIComponent(name)}/credits` }];
  });
  const [owner, second] = owners;
  if (owner === undefined) throw new WrongWords('Say whose credits: --team NAME, or --key, --user and the like.');
  if (second !== undefined) throw new WrongWords(`--${owner.option} and --${second.option} do not go together.`);
  const { amount, grant, reference, reason, url, json: isJson = false } = values;
  if (action === 'top-up' && amount === undefined) throw new WrongWords('--amount is missing.');
  const body = {
    amount,
    ...(grant && { isGrant: true }),
    ...(reference !== undefined && { reference }),
    ...(reason !== undefined && { reason }),
  };
  const asked =
    action === 'show'
      ? await callGateway({ url, method: 'GET', path: owner.path, isJson }, environment, output)
      : await callGateway({ url, method: 'POST', path: `${owner.path}/top-ups`, body, isJson }, environment, output);
  if ('code' in asked) return asked.code;
  const { answer, text } = asked;
  const title = `${owner.option} ${owner.name}`;
  output.out(isJson ? `${text}\n` : standing(title, action === 'show' ? answer : (answer.credits as Row)));
  return 0;
}

function standing(title: string, credits: Row): string {
  if (credits.isPrepaid !== true) return `Nothing was ever paid in for ${title}: credits bound nothing there.\n`;
  const lines = [
    ['topped up', credits.toppedUp],
    ['granted', credits.granted],
    ['spent', credits.spent],
    ['balance', credits.balance],
    ['held', credits.held],
  ] as const;
  const texts = lines.map(([word, money]) => `  ${word.padEnd(10)}${String((money as Row).usd)} USD`);
  return `Credits of ${title}:\n${texts.join('\n')}\n`;
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return readArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      key: text,
      user: text,
      'service-account': text,
      team: text,
      project: text,
      organisation: text,
      amount: text,
      grant: { type: 'boolean' },
      reference: text,
      reason: text,
      url: text,
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}
