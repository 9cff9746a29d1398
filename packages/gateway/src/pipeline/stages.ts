/** A step of the path of an exchange. `place` marks one that later work fills; nothing runs there yet. */
export interface Stage {
  readonly name: string;
  readonly scope: 'exchange' | 'attempt';
  readonly state: 'real' | 'place';
  readonly says: string;
}

/** The path of an exchange, in order. `handle.ts` walks it, `docs/lifecycle.md` tells it, a test keeps the three in step. */
export const stages: readonly Stage[] = [
  { name: 'identify', scope: 'exchange', state: 'real', says: 'key → caller; unknown keys end here' },
  { name: 'read', scope: 'exchange', state: 'real', says: 'body → lens: bounds, syntax, duplicate keys, model' },
  { name: 'limit', scope: 'exchange', state: 'real', says: 'requests, tokens, concurrency: cheap and first' },
  { name: 'guard-input', scope: 'exchange', state: 'place', says: 'see, edit or deny what goes in' },
  {
    name: 'hold',
    scope: 'exchange',
    state: 'real',
    says: 'the highest cost, held in every budget before each attempt',
  },
  { name: 'cache-look', scope: 'exchange', state: 'place', says: 'exact, then semantic' },
  { name: 'plan', scope: 'exchange', state: 'real', says: 'model → ordered attempts, each with its reason' },
  {
    name: 'attempt',
    scope: 'attempt',
    state: 'real',
    says: 'lane → provider; retry and fallback before the first byte',
  },
  { name: 'stream', scope: 'exchange', state: 'real', says: 'answer → client in its dialect, usage read in passing' },
  { name: 'guard-output', scope: 'exchange', state: 'place', says: 'see or stop what comes out, in a window' },
  { name: 'settle', scope: 'exchange', state: 'real', says: 'usage → cost → ledger, log row, exactly once' },
];
