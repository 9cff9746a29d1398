import { type BenchResult, figuresOf, middle } from './results.ts';

/** One promise about speed or size, held against what was measured. */
export interface Verdict {
  readonly promise: string;
  /** Undefined when something needed for it was not measured. */
  readonly value: number | undefined;
  readonly limit: number;
  readonly unit: string;
  readonly isMet: boolean | undefined;
}

const MB = 1e6;

/** All promises, with the measured value of each. Ratios are of medians of the same run. */
export function verdicts(result: BenchResult): Verdict[] {
  const cpu = (measure: 'small' | 'burst' | 'paced', lane: string): number | undefined =>
    middle(figuresOf(result, measure, lane)?.cpuUs);
  const ttft = (lane: string): number | undefined => middle(figuresOf(result, 'ttft', lane)?.ttftP50Us);
  const memory = result.memory.find(({ peer }) => peer === 'turnpike');
  const more = (bytes: number | undefined): number | undefined => minus(bytes, memory?.idleBytes, MB);
  const translated = ['turnpike messages→chat', 'turnpike chat→messages'] as const;
  return [
    atMost('CPU per request, of B', ratio(cpu('small', 'turnpike'), cpu('small', 'B')), 1.5, '×'),
    atMost('CPU per request, of Portkey', ratio(cpu('small', 'turnpike'), cpu('small', 'portkey')), 1 / 18, '×'),
    atMost('added time to first token, of Portkey', ratio(ttft('turnpike'), ttft('portkey')), 1 / 20, '×'),
    atMost('resident idle', memory === undefined ? undefined : memory.idleBytes / MB, 70, 'MB'),
    atMost('more resident at 600 streams', more(memory?.heldBytes), 40, 'MB'),
    atMost('more resident after they ended', more(memory?.afterBytes), 15, 'MB'),
    atLeast('metered chunks per second and core, burst', perSecond(cpu('burst', 'turnpike')), 25_000, '/s'),
    atLeast('metered chunks per second and core, paced', perSecond(cpu('paced', 'turnpike')), 25_000, '/s'),
    ...translated.flatMap((lane) => [
      atLeast(`translated (${lane.slice(9)}), burst`, perSecond(cpu('burst', lane)), 12_000, '/s'),
      atLeast(`translated (${lane.slice(9)}), paced`, perSecond(cpu('paced', lane)), 12_000, '/s'),
    ]),
  ];
}

function atMost(promise: string, value: number | undefined, limit: number, unit: string): Verdict {
  return { promise: `${promise} ≤`, value, limit, unit, isMet: value === undefined ? undefined : value <= limit };
}

function atLeast(promise: string, value: number | undefined, limit: number, unit: string): Verdict {
  return { promise: `${promise} ≥`, value, limit, unit, isMet: value === undefined ? undefined : value >= limit };
}

function ratio(value: number | undefined, base: number | undefined): number | undefined {
  return value === undefined || base === undefined ? undefined : value / base;
}

function minus(value: number | undefined, base: number | undefined, unit: number): number | undefined {
  return value === undefined || base === undefined ? undefined : (value - base) / unit;
}

/** Chunks that one core could do in a second, from µs per chunk. */
function perSecond(cpuUs: number | undefined): number | undefined {
  return cpuUs === undefined ? undefined : 1e6 / cpuUs;
}
