import { type AdminThing, adminHelp, adminThings } from './admin-help.ts';
import { type AdminCommand, type HelpWanted, readAdminCommand } from './admin-options.ts';
import { listText, showText } from './admin-text.ts';
import { callGateway, type GatewayAnswer, type Output, type Row } from './call-gateway.ts';
import { WrongWords } from './ledger-words.ts';

/** Listed without `--json`. */
const PAGE = 500;

type Environment = Readonly<Record<string, string | undefined>>;

/** Does what a `key`, `team` or the like asks of a running gateway. @returns the exit code, as `adminHelp` has them. */
export async function runAdminCommand(
  what: AdminThing,
  args: readonly string[],
  environment: Environment,
  output: Output,
): Promise<number> {
  let command: AdminCommand | HelpWanted;
  try {
    command = readAdminCommand(what, args, Date.now());
  } catch (error) {
    if (!(error instanceof WrongWords)) throw error;
    const [action = ''] = args.filter((word) => !word.startsWith('-'));
    const about = action in { create: 1, list: 1, update: 1, rotate: 1 } ? `${what} ${action}` : what;
    output.err(`${error.message}\nSee npm start -- ${about} --help\n`);
    return 2;
  }
  if ('help' in command) {
    output.out(adminHelp(what, command.help));
    return 0;
  }
  const ask: Ask = (method, path, more = {}) => {
    const { url, isJson } = command;
    return callGateway({ url, isJson, method, path: `/${adminThings[what]}${path}`, ...more }, environment, output);
  };
  const asked = await done(command, ask);
  if ('code' in asked) return asked.code;
  const { text, answer } = asked;
  if (command.isJson) {
    output.out(`${text === '' ? '{}' : text}\n`);
    return 0;
  }
  if (command.action !== 'show') {
    output.out(resultText(command, answer));
    return 0;
  }
  const budgets = await ask('GET', `${pathOf(command)}/budgets`);
  if ('code' in budgets) return budgets.code;
  output.out(showText(what, answer, budgets.answer));
  return 0;
}

type Ask = (
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  more?: { body?: Readonly<Record<string, unknown>>; headers?: Readonly<Record<string, string>> },
) => Promise<GatewayAnswer>;

function pathOf({ name = '' }: AdminCommand): string {
  return `/${encodeURIComponent(name)}`;
}

async function done(command: AdminCommand, ask: Ask): Promise<GatewayAnswer> {
  const { what, action, body, filters } = command;
  switch (action) {
    case 'create':
      return ask('POST', '', { body });
    case 'list':
      return ask('GET', `?${new URLSearchParams({ ...filters, limit: String(PAGE) })}`);
    case 'show':
      return ask('GET', pathOf(command));
    case 'delete':
      return ask('DELETE', pathOf(command));
    case 'update':
      return update(command, ask);
    case 'block':
    case 'unblock':
      if (what !== 'key') return ask('PATCH', pathOf(command), { body: { isBlocked: action === 'block' } });
      return ask('POST', `${pathOf(command)}/${action}`);
    case 'rotate':
      return ask('POST', `${pathOf(command)}/rotate`, { body });
  }
}

/** A policy is replaced as a whole: what the words do not speak of is taken over from the one there is. */
async function update(command: AdminCommand, ask: Ask): Promise<GatewayAnswer> {
  const { body } = command;
  if (body.policy === undefined) return ask('PATCH', pathOf(command), { body });
  const found = await ask('GET', pathOf(command));
  if ('code' in found) return found;
  const { policy, version } = found.answer;
  const merged = Object.entries({ ...(policy as Row), ...(body.policy as Row) }).filter(([, value]) => value !== null);
  return ask('PATCH', pathOf(command), {
    body: { ...body, policy: Object.fromEntries(merged) },
    headers: { 'if-match': `"${String(version)}"` },
  });
}

function resultText(command: AdminCommand, answer: Row): string {
  const { what, action, name } = command;
  if (action === 'list') return listText(what, answer);
  const shown = `The ${what.replace('-', ' ')} "${String(answer.name ?? name)}"`;
  if (action === 'delete') return `${shown} is deleted.\n`;
  const words: Readonly<Record<string, string>> = {
    create: 'made',
    rotate: 'replaced',
    block: 'blocked',
    unblock: 'unblocked',
  };
  const secret = typeof answer.key === 'string' ? `\n  ${answer.key}\n\nIt is shown this once: keep it.\n` : '';
  return `${shown} is ${words[action] ?? 'changed'}.\n${secret}`;
}
