import { nearestNames } from '../config/near-names.ts';
import { type AdminAction, type AdminThing, actionsOf, namedActions, placesOf } from './admin-help.ts';
import { WrongWords, withSigned } from './ledger-words.ts';
import { readArgs } from './read-args.ts';

/** What the command line asks of a running gateway. */
export interface AdminCommand {
  readonly what: AdminThing;
  readonly action: AdminAction;
  /** What it is about; undefined for `create` and `list`. */
  readonly name: string | undefined;
  /** Body of the request. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly filters: Readonly<Record<string, string>>;
  readonly url: string | undefined;
  readonly isJson: boolean;
}

/** Help about one thing that is done, or about all. */
export interface HelpWanted {
  readonly help: AdminAction | undefined;
}

const belongings = {
  team: 'teamId',
  organisation: 'organisationId',
  user: 'userId',
  project: 'projectId',
  'service-account': 'serviceAccountId',
} as const;
/** Of some actions only; all others of `create` and `update`. */
const optionActions: Readonly<Record<string, readonly AdminAction[]>> = {
  name: ['create'],
  sha256: ['create', 'rotate'],
  grace: ['rotate'],
  ...Object.fromEntries(Object.keys(belongings).map((place) => [place, ['create', 'list']])),
};
const everywhere: ReadonlySet<string> = new Set(['url', 'json', 'help']);

/** @throws WrongWords that names the option or word at fault, and what to do. */
export function readAdminCommand(what: AdminThing, args: readonly string[], nowMs: number): AdminCommand | HelpWanted {
  const { values, positionals } = parse(args);
  const [word, name, ...rest] = positionals;
  const action = actionsOf(what).find((each) => each === word);
  if (values.help) return { help: action };
  if (action === undefined) throw new WrongWords(actionMissing(what, word));
  const takesName = action === 'rotate' || namedActions.some((each) => each === action);
  if (takesName && name === undefined) throw new WrongWords(`Name the ${what}: ${what} ${action} NAME.`);
  if (!takesName && name !== undefined) {
    const hint = action === 'create' ? ` Its name is given with --name ${name}.` : '';
    throw new WrongWords(`"${name}" is one argument too many.${hint}`);
  }
  if (rest.length > 0) throw new WrongWords(`"${rest[0]}" is one argument too many.`);
  requireFitting(what, action, Object.keys(values));
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
    body: bodyOf(what, action, values, places, nowMs),
    filters: action === 'list' ? places : {},
    url: values.url,
    isJson: values.json ?? false,
  };
}

function actionMissing(what: AdminThing, word: string | undefined): string {
  const say = `Say what to do: ${what} ${actionsOf(what).join(', ')}.`;
  if (word === undefined) return say;
  const [near] = nearestNames(word, actionsOf(what), 1);
  return `There is no "${what} ${word}".${near === undefined ? ` ${say}` : ` Did you mean ${what} ${near}?`}`;
}

/** An option that would say nothing is refused rather than passed over. @throws WrongWords */
function requireFitting(what: AdminThing, action: AdminAction, options: readonly string[]): void {
  for (const option of options) {
    if (everywhere.has(option)) continue;
    const fitting = optionActions[option] ?? ['create', 'update'];
    if (!fitting.includes(action)) {
      const never = action === 'update' && (option === 'name' || option in belongings) ? ', and is never changed' : '';
      throw new WrongWords(`--${option} is of ${what} ${fitting.join(', ')}${never}.`);
    }
    if (option in belongings && !placesOf[what].includes(option)) {
      throw new WrongWords(
        `A ${what.replace('-', ' ')} does not belong to a ${option.replace('-', ' ')}: leave --${option} out.`,
      );
    }
  }
}

type Values = ReturnType<typeof parse>['values'];

function bodyOf(
  what: AdminThing,
  action: AdminAction,
  values: Values,
  places: Readonly<Record<string, string>>,
  nowMs: number,
): Record<string, unknown> {
  if (action === 'rotate') return rotated(values);
  if (action === 'create') {
    if (values.name === undefined && what !== 'key')
      throw new WrongWords(`--name is missing: ${what} create --name NAME.`);
    return { name: values.name ?? newName(values.team ?? values.user), ...places, ...fieldsOf(values, nowMs) };
  }
  if (action !== 'update') return {};
  const fields = fieldsOf(values, nowMs);
  if (Object.keys(fields).length === 0) {
    throw new WrongWords(`Say what to change: ${what} update NAME --budget 50/month, for one.`);
  }
  return fields;
}

/** `web-3f9a1c` for a key of the team `web`. An id would not do as a name. */
function newName(owner: string | undefined): string {
  const stem = owner === undefined || /^[a-z]+_[0-9a-z]{26}$/.test(owner) ? 'key' : owner.slice(0, 90);
  return `${stem}-${crypto.randomUUID().slice(0, 6)}`;
}

/** `null` where an empty value takes away. */
function fieldsOf(values: Values, nowMs: number): Record<string, unknown> {
  const fields = present({
    models: listed(values.models),
    modelGroups: listed(values['model-groups']),
    providers: listed(values.providers),
    outputTokensMax: values['max-output'] === '' ? null : wholeNumber('max-output', values['max-output']),
    ipAllow: listed(values.ip),
    requestTagsRequired: listed(values['request-tags']),
    expiresAtMs: values.expires === '' ? null : values.expires && expiry(values.expires, nowMs),
  });
  const policy = { ...(values.policy === undefined ? {} : jsonObject(values.policy)), ...fields };
  const budgets = listed(values.budget);
  return present({
    tags: listed(values.tags),
    adminScopes: listed(values['admin-scopes']),
    sha256: values.sha256?.toLowerCase(),
    budgets: budgets?.map(budgetOf) ?? budgets,
    budgetIds: listed(values['budget-id']),
    limits: limitsOf(values),
    markups: values.markup === '' ? null : values.markup && [{ percent: values.markup.replace(/%$/, '') }],
    policy: Object.keys(policy).length === 0 ? undefined : policy,
  });
}

function jsonObject(text: string): Record<string, unknown> {
  const wrong = new WrongWords('--policy must be a JSON object.');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    wrong.cause = cause;
    throw wrong;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong;
  return { ...value };
}

function budgetOf(text: string): Record<string, unknown> {
  const [, amount, per] = /^([0-9]+(?:\.[0-9]+)?)\/([a-z0-9]+)$/.exec(text) ?? [];
  if (amount === undefined) {
    throw new WrongWords(`--budget must be like 50/month, 2.50/day, 100/30d or 500/lifetime, not "${text}".`);
  }
  return { amount, per };
}

function limitsOf(values: Values): Record<string, unknown>[] | null | undefined {
  const given = [values.rpm, values.tpm, values.concurrency].filter((value) => value !== undefined);
  if (given.length === 0) return undefined;
  if (given.every((value) => value === '')) return null;
  const inMinute = present({ requests: wholeNumber('rpm', values.rpm), tokens: wholeNumber('tpm', values.tpm) });
  const concurrency = wholeNumber('concurrency', values.concurrency);
  return [
    ...(Object.keys(inMinute).length === 0 ? [] : [{ ...inMinute, per: 'minute' }]),
    ...(concurrency === undefined ? [] : [{ concurrency }]),
  ];
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new WrongWords(`--${option} must be a whole number above 0, not "${text}".`);
}

function rotated(values: Values): Record<string, unknown> {
  const graceMs = values.grace === undefined ? undefined : durationMs(values.grace);
  if (values.grace !== undefined && graceMs === undefined) {
    throw new WrongWords(`--grace must be like 15m, 12h or 1d, not "${values.grace}".`);
  }
  return present({ graceMs, sha256: values.sha256?.toLowerCase() });
}

function expiry(text: string, nowMs: number): number {
  const length = durationMs(text);
  const time = length === undefined && /^[0-9]{4}-/.test(text) ? Date.parse(text) : nowMs + (length ?? Number.NaN);
  if (Number.isFinite(time)) return time;
  throw new WrongWords(`--expires must be like 15m, 12h, 30d or 2030-01-31, not "${text}".`);
}

function durationMs(text: string): number | undefined {
  const [, count, unit] = /^([0-9]{1,6})([smhd])$/.exec(text) ?? [];
  const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return unit === undefined ? undefined : Number(count) * (units[unit] ?? 0);
}

function listed(text: string | undefined): string[] | null | undefined {
  if (text === '') return null;
  return text?.split(',').map((entry) => entry.trim());
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  return readArgs({
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
