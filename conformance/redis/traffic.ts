import type { Call } from '../crash/callers.ts';
import type { House, HouseKey } from './house.ts';

/** What a caller's key is bound by. */
export type Kind = 'unbound' | 'far' | 'tight' | 'local' | 'refuse';

export interface TimedCall extends Call {
  readonly kind: Kind;
  readonly key: string;
  durationMs: number;
}

/** Keys whose budgets run out one after the other, over the whole run. */
const TIGHT_KEYS = 20;
const CALLERS = 8;
/** Between two calls of one caller: the load is the same in all phases. */
const PAUSE_MS = 10;
/** A call costs 45 000 nano-USD, and at most twelve such calls a second come to one tight key. */
const TIGHT_USD_PER_SECOND = 0.0005;
/** About what is held for one call. */
const HELD_USD = 0.0015;

/** Its line is so near that Redis is asked for each call. */
export const PROBE_KEY = 'sk-probe-0123456789';

/** @param seconds How long all the traffic takes, about. */
export function keysFor(seconds: number): HouseKey[] {
  const key = (name: string, rules: object) => ({ name, key: `sk-${name}-0123456789`, ...rules });
  return [
    key('unbound', {}),
    key('far', { budgets: [{ amount: 1_000, per: 'lifetime' }], limits: [{ requests: 1_000_000, per: 'minute' }] }),
    ...Array.from({ length: TIGHT_KEYS }, (_, at) => {
      const amount = Number((HELD_USD + ((at + 1) / TIGHT_KEYS) * seconds * TIGHT_USD_PER_SECOND).toFixed(6));
      return key(`tight-${at}`, { budgets: [{ amount, per: 'lifetime' }] });
    }),
    key('probe', { budgets: [{ amount: 0.005, per: 'lifetime' }] }),
    key('local', { limits: [{ requests: 40, per: '2s' }] }),
    key('refuse', { limits: [{ requests: 40, per: '2s', unreachable: 'refuse' }] }),
  ];
}

/** Of ten calls five are far from any line and three near one. */
const MIX: readonly Kind[] = [
  'far',
  'tight',
  'far',
  'unbound',
  'far',
  'tight',
  'local',
  'far',
  'tight',
  'far',
  'refuse',
];

let asked = 0;

export async function traffic(house: House, calls: TimedCall[], seconds: number): Promise<void> {
  const untilMs = performance.now() + seconds * 1_000;
  const caller = async () => {
    while (performance.now() < untilMs) {
      const kind = MIX[asked % MIX.length] ?? 'far';
      const name = kind === 'tight' ? `tight-${Math.floor(Math.random() * TIGHT_KEYS)}` : kind;
      calls.push(await ask(house, Math.floor(Math.random() * house.gateways.length), kind, `sk-${name}-0123456789`));
      await Bun.sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

export async function ask(house: House, gateway: number, kind: Kind, key: string): Promise<TimedCall> {
  const model = `m${asked++}`;
  const startedMs = performance.now();
  let status: number | undefined;
  try {
    const response = await fetch(`${house.urlOf(gateway)}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({
        model: `openai-chat.${model}`,
        max_tokens: 100,
        messages: [{ role: 'user', content: 'Say something fine.' }],
      }),
    });
    await response.text();
    status = response.status;
  } catch {
    // Its gateway was killed. What became of the call is for the ledger to say.
  }
  const durationMs = performance.now() - startedMs;
  const isComplete = status === 200;
  return {
    model,
    kind,
    key,
    isStream: false,
    contentAtMs: [],
    isComplete,
    status,
    killedAtMs: status === undefined ? performance.now() : undefined,
    durationMs,
  };
}
