import type { AdminThing } from './admin-help.ts';
import type { Row } from './call-gateway.ts';
import { tableText } from './table.ts';

/** A list as a table. */
export function listText(what: AdminThing, { data, nextCursor }: Row): string {
  const rows = Array.isArray(data) ? (data as Row[]) : [];
  const columns: Readonly<Record<string, (row: Row) => string>> = {
    name: textOf('name'),
    ...(what === 'key' && { key: textOf('hint') }),
    state: stateOf,
    models: modelsOf,
    budgets: budgetsOf,
    ...(what === 'key' && { expires: expiryOf }),
    id: textOf('id'),
  };
  const cells = [Object.keys(columns), ...rows.map((row) => Object.values(columns).map((cell) => cell(row)))];
  const more = typeof nextCursor === 'string' ? 'There are more; --json gives the cursor of the next page.\n' : '';
  return `${tableText(cells)}${more}`;
}

/** One of them, with what is spent and left of the budgets that hold for it. */
export function showText(what: AdminThing, row: Row, { data }: Row): string {
  const lines: [string, string][] = [
    ['name', String(row.name)],
    ['id', String(row.id)],
    ['state', stateOf(row)],
  ];
  if (what === 'key') lines.push(['key', textOf('hint')(row)], ['expires', expiryOf(row)]);
  for (const place of ['team', 'organisation', 'project', 'user', 'serviceAccount']) {
    const id = row[`${place}Id`];
    if (typeof id === 'string') lines.push([place === 'serviceAccount' ? 'service account' : place, id]);
  }
  lines.push(['models', modelsOf(row)]);
  const { models: _, modelGroups: _groups, expiresAtMs: _expires, ...policy } = policyOf(row);
  for (const [field, value] of Object.entries(policy)) lines.push([field, JSON.stringify(value)]);
  for (const limit of listOf(row.limits)) lines.push(['limit', fieldsText(limit)]);
  for (const markup of listOf(row.markups)) lines.push(['markup', fieldsText(markup)]);
  for (const field of ['tags', 'adminScopes'] as const) {
    const value = row[field];
    if (Array.isArray(value) && value.length > 0) lines.push([field, value.join(',')]);
  }
  const width = Math.max(...lines.map(([word]) => word.length));
  const text = lines.map(([word, value]) => `${word.padEnd(width)}  ${value}\n`).join('');
  const budgets = listOf(data);
  if (budgets.length === 0) return text;
  const head = ['budget', 'spent', 'held', 'left'];
  const cells = budgets.map(({ label, instance, spent, held, remaining }) => [
    `${String(label)}${instance === '' ? '' : ` ${String(instance)}`}`,
    ...[spent, held, remaining].map((money) => (money === null ? '–' : String((money as Row).usd))),
  ]);
  return `${text}\n${tableText([head, ...cells], { left: 1 })}`;
}

function listOf(value: unknown): Row[] {
  return Array.isArray(value) ? (value as Row[]) : [];
}

function fieldsText(fields: Row): string {
  return Object.entries(fields)
    .map(([field, value]) => `${field} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(', ');
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

function budgetsOf({ budgets, budgetIds }: Row): string {
  const own = listOf(budgets).map(
    ({ amount, soft, per }) => `${String(amount ?? `soft ${String(soft)}`)}/${String(per)}`,
  );
  const shared = Array.isArray(budgetIds) ? budgetIds.map(String) : [];
  return [...own, ...shared].join(',') || '–';
}

function expiryOf(row: Row): string {
  const { expiresAtMs } = policyOf(row);
  return typeof expiresAtMs === 'number' ? new Date(expiresAtMs).toISOString() : 'never';
}

function policyOf(row: Row): Row {
  return typeof row.policy === 'object' && row.policy !== null ? (row.policy as Row) : {};
}
