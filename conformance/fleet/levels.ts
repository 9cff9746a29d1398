import { type CallerWords, INPUT_NANO, type LoadCall, OUTPUT_NANO } from './load-call.ts';

/** USD per million tokens. */
const PRICE = { input: INPUT_NANO / 1_000, output: OUTPUT_NANO / 1_000 };

export interface Line {
  readonly name: string;
  readonly nanoUsd: bigint;
  readonly counts: (call: LoadCall) => boolean;
}

/** Callers who drive one budget, or several, to the line. */
export interface Level {
  readonly name: string;
  readonly callers: readonly CallerWords[];
  /** All that their calls count under. */
  readonly lines: readonly Line[];
}

/** Of a key of the configuration; the rest of what it says. */
type KeyWords = Record<string, unknown>;

const key = (name: string) => `sk-fleet-${name}-0123456789`;

/** A budget for each level there is, each driven by several keys where the level can have several. */
export function levelsOf(lineNanoUsd: bigint, totalNanoUsd: bigint): { levels: Level[]; configuration: Made } {
  const made = new Made(lineNanoUsd);
  const of = (name: string) => (call: LoadCall) => call.level === name;
  const line = (name: string): Line => ({ name, nanoUsd: lineNanoUsd, counts: of(name) });
  const level = (
    name: string,
    scope: object | undefined,
    keys: KeyWords[],
    words: Partial<CallerWords> = {},
  ): Level => {
    if (scope !== undefined) made.budget(scope, lineNanoUsd);
    return {
      name,
      callers: keys.map((one, n) => ({ key: made.key(`${name}-${n}`, one), ...words })),
      lines: [line(name)],
    };
  };
  const own = [{ amount: usd(lineNanoUsd), per: 'lifetime' }];
  const levels = [
    level('key', undefined, [{ budgets: own }]),
    level('user', { user: 'ada' }, [{ user: 'ada' }, { user: 'ada', team: 'spare' }]),
    level('team', { team: 'web' }, [{ team: 'web' }, { team: 'web', user: 'bob' }, { team: 'web', user: 'eve' }]),
    level('organisation', { organisation: 'acme' }, [
      { organisation: 'acme', team: 'one' },
      { organisation: 'acme', team: 'two' },
    ]),
    level('member', { team: 'crew', user: 'kim' }, [
      { team: 'crew', user: 'kim' },
      { team: 'crew', user: 'kim' },
    ]),
    level('project', { project: 'atlas' }, [{ project: 'atlas' }, { project: 'atlas', team: 'spare' }]),
    level('end user', { endUser: 'auth0|4711' }, [{}, {}], { endUser: 'auth0|4711' }),
    level('each end user', { endUser: 'guest-*' }, [{}, {}], { endUser: 'guest-1' }),
    level('tag', { tag: 'campaign' }, [{}, { tags: ['campaign'] }], { tags: 'campaign' }),
    level('model', { model: '*.bounded-*' }, [{}, {}], { family: 'bounded' }),
    level('provider', { provider: 'dear' }, [{}, {}], { provider: 'dear' }),
    nested(made, lineNanoUsd),
  ];
  // Everything counts under the last one, and the callers that come last reach its line.
  made.budget({}, totalNanoUsd);
  const total: Line = { name: 'everything', nanoUsd: totalNanoUsd, counts: () => true };
  const last: Level = { name: 'everything', callers: [{ key: made.key('everything', {}) }], lines: [] };
  return { levels: [...levels, last].map((one) => ({ ...one, lines: [...one.lines, total] })), configuration: made };
}

/** A key that is spent soon, within a team that goes on: its refused calls must not take the team's room. */
function nested(made: Made, lineNanoUsd: bigint): Level {
  const small = lineNanoUsd / 6n;
  const spent = made.key('nested-spent', { team: 'nest', budgets: [{ amount: usd(small), per: 'lifetime' }] });
  const other = made.key('nested-other', { team: 'nest' });
  made.budget({ team: 'nest' }, lineNanoUsd);
  return {
    name: 'nested',
    callers: [{ key: spent }, { key: other }],
    lines: [
      { name: 'nested', nanoUsd: lineNanoUsd, counts: (call) => call.level === 'nested' },
      { name: 'nested key', nanoUsd: small, counts: (call) => call.words.key === spent },
    ],
  };
}

function usd(nanoUsd: bigint): string {
  return `${nanoUsd / 1_000_000_000n}.${String(nanoUsd % 1_000_000_000n).padStart(9, '0')}`;
}

/** The configuration of a gateway, as it is put together. */
class Made {
  readonly #keys: object[] = [];
  readonly #budgets: object[] = [];
  readonly #probeLine: string;

  constructor(lineNanoUsd: bigint) {
    this.#probeLine = usd(lineNanoUsd);
  }

  key(name: string, words: KeyWords): string {
    const slug = name.replaceAll(' ', '-');
    this.#keys.push({ name: slug, key: key(slug), ...words });
    return key(slug);
  }

  budget(scope: object, nanoUsd: bigint): void {
    this.#budgets.push({ amount: usd(nanoUsd), per: 'lifetime', scope });
  }

  /** @param upstream Where both providers are. */
  build(upstream: string): object {
    const provider = (id: string, dialect: string) => ({
      id,
      dialect,
      baseUrl: `${upstream}/v1`,
      apiKey: 'upstream-key',
    });
    const model = (prefix: string, provider: string) => ({
      name: `${prefix}.*`,
      retries: 1,
      endpoints: [{ provider, model: '*', price: PRICE }],
    });
    return {
      server: { shutdownGraceMs: 10_000 },
      providers: [
        provider('main-chat', 'openai-chat'),
        provider('main-messages', 'anthropic-messages'),
        provider('dear', 'openai-chat'),
      ],
      models: [model('chat', 'main-chat'), model('messages', 'main-messages'), model('dear', 'dear')],
      keys: [
        ...this.#keys,
        { name: 'probe', key: key('probe'), budgets: [{ amount: this.#probeLine, per: 'lifetime' }] },
      ],
      budgets: this.#budgets,
    };
  }
}
