import { type AdminCommand, type AdminThing, adminHelp, readAdminCommand } from './admin-options.ts';
import { callGateway, type Output, type Row } from './call-gateway.ts';
import { tableText } from './table.ts';

/** Keys listed without `--json`. */
const PAGE = 500;

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
  const { url, isJson, body } = command;
  const asked = await callGateway({ url, isJson, body, ...requestOf(command) }, environment, { err });
  if ('code' in asked) return asked.code;
  const { text, answer } = asked;
  out(isJson ? `${text === '' ? '{}' : text}\n` : resultText(command, answer));
  return 0;
}

function requestOf({ what, action, name, filters }: AdminCommand): { method: 'GET' | 'POST' | 'DELETE'; path: string } {
  const root = `/${what}s`;
  if (action === 'create') return { method: 'POST', path: root };
  if (action === 'list') {
    return { method: 'GET', path: `${root}?${new URLSearchParams({ ...filters, limit: String(PAGE) })}` };
  }
  const one = `${root}/${encodeURIComponent(name ?? '')}`;
  return action === 'delete' ? { method: 'DELETE', path: one } : { method: 'POST', path: `${one}/${action}` };
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
  const more = typeof nextCursor === 'string' ? `There are more; --json gives the cursor of the next page.\n` : '';
  return `${tableText(cells)}${more}`;
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
