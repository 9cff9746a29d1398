import { parseArgs } from 'node:util';
import { withSigned } from './ledger-words.ts';

/** What the command line asks of a running gateway. */
export interface AdminCommand {
  readonly what: AdminThing;
  readonly action: string;
  /** The key or team it is about; undefined for `create` and `list`. */
  readonly name: string | undefined;
  /** Body of the request. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly filters: Readonly<Record<string, string>>;
  readonly url: string | undefined;
  readonly isJson: boolean;
}

export type AdminThing = 'key' | 'team';

export function isAdminThing(word: string | undefined): word is AdminThing {
  return word === 'key' || word === 'team';
}

export const adminHelp = `Makes and changes keys and teams of a running gateway.

Usage: npm start -- key create --name NAME [options]
       npm start -- key list [--team TEAM] [--user USER]
       npm start -- key rotate NAME [--grace 1d]
       npm start -- key block | unblock | delete NAME
       npm start -- team create --name NAME [--organisation ORGANISATION] [options]
       npm start -- team list
       npm start -- team delete NAME

  --team, --organisation, --user, --project, --service-account
                  where the key belongs, by name or id; has to be there
  --models        patterns of models, with commas: 'gpt-*,claude-*'
  --model-groups  names of groups of models, likewise
  --providers     ids of providers, likewise
  --budget        what it may spend, with commas: 50/month, 2.50/day, 100/30d,
                  500/lifetime (US dollars)
  --budget-id     reusable budgets that hold for it, by name or id, with commas
  --rpm N         requests in any minute
  --tpm N         tokens of input and output in any minute
  --concurrency N requests under way at once
  --max-output N  most output tokens a request may ask for
  --markup N      percent charged beyond the cost, in chargeback; also -10, 12.5
  --ip            addresses and ranges calls may come from, with commas
  --request-tags  tags its requests must carry, with commas: project:*,prod
  --policy        more of the policy, as JSON: '{"data": {"training": false}}'
  --expires       how long it is valid (15m, 12h, 30d), or until when
                  (2030-01-31)
  --tags          with commas
  --admin-scopes  what it may do in the admin API: keys:read,logs:read
  --sha256 HASH   take the SHA-256 of a key of yours instead of making one
  --grace         how long the previous key is accepted besides (15m, 12h, 1d)
  --url URL       where the gateway is (default: TURNPIKE_URL, else
                  http://127.0.0.1:4000)
  --json          print what the admin API answered

Environment:
  TURNPIKE_ADMIN_KEY   the admin key, or a key with the scopes for it

Exit codes: 0 done, 1 refused, 2 wrong command line, 3 no gateway answered.
`;

const NAMED = ['rotate', 'block', 'unblock', 'delete'];
const ACTIONS = { key: ['create', 'list', ...NAMED], team: ['create', 'list', 'delete'] } as const;

const belongings = {
  team: 'teamId',
  organisation: 'organisationId',
  user: 'userId',
  project: 'projectId',
  'service-account': 'serviceAccountId',
} as const;

/** @returns the command, `help`, or what is wrong. */
export function readAdminCommand(
  what: AdminThing,
  args: readonly string[],
  nowMs: number,
): AdminCommand | 'help' | Error {
  try {
    const { values, positionals } = parse(args);
    if (values.help) return 'help';
    const [action, name, ...rest] = positionals;
    if (action === undefined || !(ACTIONS[what] as readonly string[]).includes(action)) {
      return new Error(`Say what to do: ${what} ${ACTIONS[what].join(', ')}.`);
    }
    const takesName = NAMED.includes(action);
    if (takesName && name === undefined) return new Error(`Name the ${what}: ${what} ${action} NAME.`);
    if (!takesName && name !== undefined) return new Error(`"${name}" is one argument too many.`);
    if (rest.length > 0) return new Error(`"${rest[0]}" is one argument too many.`);
    if (action === 'create' && values.name === undefined) return new Error('--name is missing.');
    const places = Object.fromEntries(
      Object.entries(belongings).flatMap(([option, field]) => {
        const value = values[option as keyof typeof belongings];
        return value === undefined ? [] : [[field, value]];
      }),
    );
    return {
      what,
      action,
      name,
      body: action === 'create' ? { ...places, ...created(values, nowMs) } : action === 'rotate' ? rotated(values) : {},
      filters: action === 'list' ? places : {},
      url: values.url,
      isJson: values.json ?? false,
    };
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

type Values = ReturnType<typeof parse>['values'];

function created(values: Values, nowMs: number): Record<string, unknown> {
  const outputTokensMax = values['max-output'] === undefined ? undefined : Number(values['max-output']);
  if (outputTokensMax !== undefined && !(Number.isInteger(outputTokensMax) && outputTokensMax > 0)) {
    throw new Error('--max-output must be a whole number above 0.');
  }
  const fields = present({
    models: listed(values.models),
    modelGroups: listed(values['model-groups']),
    providers: listed(values.providers),
    outputTokensMax,
    ipAllow: listed(values.ip),
    requestTagsRequired: listed(values['request-tags']),
    expiresAtMs: values.expires === undefined ? undefined : expiry(values.expires, nowMs),
  });
  const policy = { ...(values.policy === undefined ? {} : jsonObject(values.policy)), ...fields };
  return present({
    name: values.name,
    tags: listed(values.tags),
    adminScopes: listed(values['admin-scopes']),
    sha256: values.sha256?.toLowerCase(),
    budgets: listed(values.budget)?.map(budgetOf),
    budgetIds: listed(values['budget-id']),
    limits: limitsOf(values),
    markups: values.markup === undefined ? undefined : [{ percent: values.markup }],
    policy: Object.keys(policy).length === 0 ? undefined : policy,
  });
}

function jsonObject(text: string): Record<string, unknown> {
  const wrong = '--policy must be a JSON object.';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(wrong, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(wrong);
  return { ...value };
}

function budgetOf(text: string): Record<string, unknown> {
  const [, amount, per] = /^([0-9]+(?:\.[0-9]+)?)\/([a-z0-9]+)$/.exec(text) ?? [];
  if (amount === undefined) throw new Error('--budget must be like 50/month, 2.50/day, 100/30d or 500/lifetime.');
  return { amount, per };
}

function limitsOf(values: Values): Record<string, unknown>[] | undefined {
  const [requests, tokens, concurrency] = (['rpm', 'tpm', 'concurrency'] as const).map((option) => {
    const value = values[option] === undefined ? undefined : Number(values[option]);
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new Error(`--${option} must be a whole number above 0.`);
    }
    return value;
  });
  const inMinute = present({ requests, tokens });
  const limits = [
    ...(Object.keys(inMinute).length === 0 ? [] : [{ ...inMinute, per: 'minute' }]),
    ...(concurrency === undefined ? [] : [{ concurrency }]),
  ];
  return limits.length === 0 ? undefined : limits;
}

function rotated(values: Values): Record<string, unknown> {
  const graceMs = values.grace === undefined ? undefined : durationMs(values.grace);
  if (values.grace !== undefined && graceMs === undefined) throw new Error('--grace must be like 15m, 12h or 1d.');
  return present({ graceMs, sha256: values.sha256?.toLowerCase() });
}

function expiry(text: string, nowMs: number): number {
  const length = durationMs(text);
  const time = length === undefined && /^[0-9]{4}-/.test(text) ? Date.parse(text) : nowMs + (length ?? Number.NaN);
  if (!Number.isFinite(time)) throw new Error('--expires must be like 15m, 12h, 30d or 2030-01-31.');
  return time;
}

function durationMs(text: string): number | undefined {
  const [, count, unit] = /^([0-9]{1,6})([smhd])$/.exec(text) ?? [];
  const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return unit === undefined ? undefined : Number(count) * (units[unit] ?? 0);
}

function listed(text: string | undefined): string[] | undefined {
  return text?.split(',').map((entry) => entry.trim());
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return parseArgs({
    args: withSigned(args, '--markup'),
    allowPositionals: true,
    options: {
      name: text,
      team: text,
      organisation: text,
      user: text,
      project: text,
      'service-account': text,
      models: text,
      'model-groups': text,
      providers: text,
      budget: text,
      'budget-id': text,
      rpm: text,
      tpm: text,
      concurrency: text,
      markup: text,
      'max-output': text,
      'request-tags': text,
      policy: text,
      ip: text,
      expires: text,
      tags: text,
      'admin-scopes': text,
      sha256: text,
      grace: text,
      url: text,
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
}
