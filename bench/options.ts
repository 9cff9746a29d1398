import type { MeasureId, PeerId } from './plan.ts';

export interface BenchOptions {
  readonly isQuick: boolean;
  readonly only: ReadonlySet<MeasureId>;
  readonly peers: ReadonlySet<Exclude<PeerId, 'direct'>>;
  /** Where to write the figures as JSON. */
  readonly jsonFile: string | undefined;
  readonly isHelp: boolean;
}

const MEASURE_IDS: readonly MeasureId[] = ['paced', 'small', 'latency', 'rps', '100k', '1m', 'ttft', 'burst'];
/** Left out of a quick run unless named: what they show follows from the others. */
const FULL_ONLY: ReadonlySet<MeasureId> = new Set(['rps', '100k']);
const PEER_IDS: readonly Exclude<PeerId, 'direct'>[] = ['nginx', 'b', 'turnpike', 'portkey'];

export const USAGE = `Measures Turnpike beside its peers in one run, on pinned cores.

  node bin/bench.mjs [--quick] [--only ${MEASURE_IDS.join(',')}] [--peers ${PEER_IDS.join(',')}] [--json FILE]

  --quick   fewer measures, shorter windows: about a minute and a half instead of up to ten
  --only    these measures (comma-separated)
  --peers   these gateways (comma-separated)
  --json    also write all figures to FILE
`;

/** Reads the command line. Throws with a sentence for people when it is not understood. */
export function parseOptions(args: readonly string[]): BenchOptions {
  let isQuick = false;
  let isHelp = false;
  let only: readonly MeasureId[] | undefined;
  let peers: readonly Exclude<PeerId, 'direct'>[] = PEER_IDS;
  let jsonFile: string | undefined;
  const rest = args.flatMap((arg) =>
    /^--\w+=/.test(arg) ? [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] : [arg],
  );
  for (let at = 0; at < rest.length; at += 1) {
    const option = rest[at] ?? '';
    const value = (): string => {
      at += 1;
      const next = rest[at];
      if (next === undefined) throw new Error(`${option} needs a value`);
      return next;
    };
    if (option === '--quick') isQuick = true;
    else if (option === '--help') isHelp = true;
    else if (option === '--only') only = listOf(MEASURE_IDS, option, value());
    else if (option === '--peers') peers = listOf(PEER_IDS, option, value());
    else if (option === '--json') jsonFile = value();
    else throw new Error(`unknown option ${option}`);
  }
  const usual = isQuick ? MEASURE_IDS.filter((id) => !FULL_ONLY.has(id)) : MEASURE_IDS;
  return { isQuick, isHelp, only: new Set(only ?? usual), peers: new Set(peers), jsonFile };
}

function listOf<Id extends string>(known: readonly Id[], option: string, text: string): Id[] {
  return text.split(',').map((name) => {
    const found = known.find((id) => id === name.trim().toLowerCase());
    if (found === undefined) throw new Error(`${option} knows ${known.join(', ')}; not ${name}`);
    return found;
  });
}
