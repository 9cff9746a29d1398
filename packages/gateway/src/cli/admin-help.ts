/** What the commands of a running gateway are about, with where the admin API keeps them. */
export const adminThings = {
  key: 'keys',
  team: 'teams',
  user: 'users',
  organisation: 'organisations',
  project: 'projects',
  'service-account': 'service-accounts',
} as const;
export type AdminThing = keyof typeof adminThings;

export const namedActions = ['show', 'update', 'block', 'unblock', 'delete'] as const;
export type AdminAction = 'create' | 'list' | 'rotate' | (typeof namedActions)[number];

export function isAdminThing(word: string | undefined): word is AdminThing {
  return word !== undefined && Object.hasOwn(adminThings, word);
}

export function actionsOf(what: AdminThing): readonly AdminAction[] {
  return ['create', 'list', ...(what === 'key' ? (['rotate'] as const) : []), ...namedActions];
}

/** Where each may belong. */
export const placesOf: Readonly<Record<AdminThing, readonly string[]>> = {
  key: ['team', 'organisation', 'user', 'project', 'service-account'],
  team: ['organisation'],
  user: ['organisation'],
  organisation: [],
  project: ['team', 'organisation'],
  'service-account': ['team', 'organisation'],
};

const rules = `  --models        patterns of models it may use, with commas: 'gpt-*,claude-*'
  --model-groups  names of groups of models, likewise
  --providers     ids of providers, likewise
  --budget        what it may spend, with commas: 50/month, 2.50/day, 100/30d,
                  500/lifetime (US dollars)
  --budget-id     reusable budgets that hold for it, by name or id, with commas
  --rpm N         requests in any minute
  --tpm N         tokens of input and output in any minute
  --concurrency N requests under way at once
  --max-output N  most output tokens a request may ask for
  --ip            addresses and ranges calls may come from, with commas
  --request-tags  tags requests must carry, with commas: project:*,prod
  --policy        more of the policy, as JSON: '{"data": {"training": false}}'
  --expires       how long it is valid (15m, 12h, 30d), or until when
                  (2030-01-31)
`;
const markup = '  --markup N      percent charged beyond the cost, in chargeback: 12.5, -10\n';
const ofKeys = `  --tags          with commas
  --admin-scopes  what it may do in the admin API: keys:read,logs:read
`;

/** What `--help` prints of a thing, or of one thing that is done with it. */
export function adminHelp(what: AdminThing, action?: AdminAction): string {
  const actions = action === undefined ? actionsOf(what) : [action];
  const usage = actions.map((each, at) => `${at === 0 ? 'Usage:' : '      '} npm start -- ${usageOf(what, each)}`);
  const has = (...some: AdminAction[]) => some.some((each) => actions.includes(each));
  const places = placesOf[what].map((place) => `--${place}`);
  const isMarked = what !== 'user' && what !== 'service-account';
  const options = [
    has('create') &&
      `  --name NAME     unique, and never changed${what === 'key' ? '; without it, one is made up' : ''}\n`,
    has('create', 'list') &&
      places.length > 0 &&
      `  ${places.join(', ')}\n                  where it belongs, by name or id; has to be there\n`,
    has('create', 'update') && rules,
    has('create', 'update') && isMarked && markup,
    has('create', 'update') && what === 'key' && ofKeys,
    has('update') && '                  what is given replaces, an empty value ("") takes away\n',
    has('create', 'rotate') &&
      what === 'key' &&
      '  --sha256 HASH   take the SHA-256 of a key of yours instead of making one\n',
    has('rotate') && '  --grace         how long the previous key is accepted besides (15m, 12h, 1d)\n',
  ].filter((text) => text !== false);
  return `Makes, shows and changes ${what.replace('-', ' ')}s of a running gateway.

${usage.join('\n')}

${options.join('')}  --url URL       where the gateway is (default: TURNPIKE_URL, else
                  http://127.0.0.1:4000)
  --json          print what the admin API answered

Environment:
  TURNPIKE_ADMIN_KEY   the admin key, or a key with the scopes for it

Exit codes: 0 done, 1 refused, 2 wrong command line, 3 no gateway answered.
`;
}

function usageOf(what: AdminThing, action: AdminAction): string {
  const places = placesOf[what].map((place) => ` [--${place} ${place.toUpperCase()}]`).join('');
  switch (action) {
    case 'create':
      return `${what} create ${what === 'key' ? '[--name NAME]' : '--name NAME'} [options]`;
    case 'list':
      return `${what} list${places}`;
    case 'rotate':
      return `${what} rotate NAME [--grace 1d]`;
    case 'update':
      return `${what} update NAME [options]`;
    default:
      return `${what} ${action} NAME`;
  }
}
