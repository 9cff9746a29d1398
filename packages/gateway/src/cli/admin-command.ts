import { type AdminCommand, type AdminThing, adminHelp, readAdminCommand } from './admin-options.ts';

const URL_DEFAULT = 'http://127.0.0.1:4000';
const TIMEOUT_MS = 30_000;
/** Keys listed without `--json`. */
const PAGE = 500;

interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

type Row = Readonly<Record<string, unknown>>;

/** Does what a `key` or `team` command asks of a running gateway. @returns the exit code, as `adminHelp` has them. */
export async function runAdminCommand(
  what: AdminThing,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  { out, err }: Output,
): Promise<number> {
  const command = readAdminCommand(what, args, Date.now());
  if (command === 'help') {
    out(adminHelp);
    return 0;
  }
  if (command instanceof Error) {
    err(`${command.message}\n\n${adminHelp}`);
    return 2;
  }
  const key = environment.TURNPIKE_ADMIN_KEY?.trim();
  if (!key) {
    err('TURNPIKE_ADMIN_KEY is not set: the gateway takes no orders without it.\n');
    return 2;
  }
  const base = (command.url ?? environment.TURNPIKE_URL) || URL_DEFAULT;
  let response: Response;
  let text: string;
  try {
    response = await fetch(addressOf(base, command), requestOf(command, key));
    text = await response.text();
  } catch (error) {
    err(`No gateway answered at ${base} (${error instanceof Error ? error.message : String(error)}).\n`);
    return 3;
  }
  const answer = parsed(text);
  if (!response.ok) {
    err(command.isJson ? `${text}\n` : refusalText(answer, response.status));
    return 1;
  }
  out(command.isJson ? `${text === '' ? '{}' : text}\n` : resultText(command, answer));
  return 0;
}

function addressOf(base: string, { what, action, name, filters }: AdminCommand): string {
  const root = `${base.replace(/\/+$/, '')}/admin/api/v1/${what}s`;
  if (action === 'create') return root;
  if (action === 'list') return `${root}?${new URLSearchParams({ ...filters, limit: String(PAGE) })}`;
  const one = `${root}/${encodeURIComponent(name ?? '')}`;
  return action === 'delete' ? one : `${one}/${action}`;
}

function requestOf({ action, body }: AdminCommand, key: string): RequestInit {
  const method = action === 'list' ? 'GET' : action === 'delete' ? 'DELETE' : 'POST';
  return {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
}

function parsed(text: string): Row {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Row) : {};
  } catch {
    return {}; // No answer of the admin API; the status says the rest.
  }
}

function refusalText({ error }: Row, status: number): string {
  const { code, message, hint } = (typeof error === 'object' && error !== null ? error : {}) as Row;
  if (typeof message !== 'string') return `The gateway answered with status ${status}.\n`;
  return `${message}${typeof hint === 'string' ? ` ${hint}` : ''} (${String(code)})\n`;
}

function resultText(command: AdminCommand, answer: Row): string {
  const { what, action, name } = command;
  if (action === 'list') return listText(what, answer);
  const shown = String(answer.name ?? name);
  if (action === 'delete') return `The ${what} "${shown}" is deleted.\n`;
  const done = { create: 'made', rotate: 'replaced', block: 'blocked', unblock: 'unblocked' }[action] ?? 'changed';
  const secret = typeof answer.key === 'string' ? `\n  ${answer.key}\n\nIt is shown this once: keep it.\n` : '';
  return `The ${what} "${shown}" is ${done}.\n${secret}`;
}

function listText(what: AdminThing, { data, nextCursor }: Row): string {
  const rows = Array.isArray(data) ? (data as Row[]) : [];
  const columns: Readonly<Record<string, (row: Row) => string>> =
    what === 'key'
      ? {
          name: textOf('name'),
          key: textOf('hint'),
          state: stateOf,
          models: modelsOf,
          expires: expiryOf,
          id: textOf('id'),
        }
      : { name: textOf('name'), state: stateOf, models: modelsOf, id: textOf('id') };
  const cells = [Object.keys(columns), ...rows.map((row) => Object.values(columns).map((cell) => cell(row)))];
  const widths = Object.keys(columns).map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  const lines = cells.map((line) =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const more = typeof nextCursor === 'string' ? `\nThere are more; --json gives the cursor of the next page.` : '';
  return `${lines.join('\n')}${more}\n`;
}

function textOf(field: string): (row: Row) => string {
  return (row) => (typeof row[field] === 'string' ? row[field] : '–');
}

function stateOf(row: Row): string {
  if (row.isBlocked === true) return 'blocked';
  const expiresAtMs = policyOf(row).expiresAtMs;
  return typeof expiresAtMs === 'number' && expiresAtMs <= Date.now() ? 'expired' : 'active';
}

function modelsOf(row: Row): string {
  const { models, modelGroups } = policyOf(row);
  const names = [models, modelGroups].flatMap((list) => (Array.isArray(list) ? list.map(String) : []));
  return models === undefined && modelGroups === undefined ? 'all' : names.join(',') || 'none';
}

function expiryOf(row: Row): string {
  const { expiresAtMs } = policyOf(row);
  return typeof expiresAtMs === 'number' ? new Date(expiresAtMs).toISOString() : 'never';
}

function policyOf(row: Row): Row {
  return typeof row.policy === 'object' && row.policy !== null ? (row.policy as Row) : {};
}
