import { type BenchResult, figuresOf, type LaneFigures, type MeasureResult, middle } from './results.ts';
import type { Spread } from './statistics.ts';
import { type Verdict, verdicts } from './thresholds.ts';

/** The whole run as text for people. */
export function report(result: BenchResult): string {
  const lines = [
    '',
    `Figures are medians over windows, with (lowest–highest). Gateways run one at a time on one core.`,
    `Others used ${(result.foreignShare * 100).toFixed(1)} % of that core${result.foreignShare > 0.05 ? ': trust ratios more than figures' : ''}.`,
    ...generatorLine(result),
    ...billLine(result),
    ...Object.entries(result.leftOut).map(([peer, why]) => `Left out: ${peer}: ${why}.`),
    ...result.measures.flatMap((measure) => measureTable(measure)),
    ...memoryTable(result),
    ...verdictTable(result),
  ];
  return `${lines.join('\n')}\n`;
}

/** A generator that is not much faster than what it loads measures itself. */
function generatorLine(result: BenchResult): string[] {
  const alone = middle(figuresOf(result, 'rps', 'direct')?.requestsPerSecond);
  const throughB = middle(figuresOf(result, 'rps', 'B')?.requestsPerSecond);
  if (alone === undefined || throughB === undefined) return [];
  const times = alone / throughB;
  return [
    `The load generator alone does ${times.toFixed(1)} × the requests of B${times < 3 ? ': too few, do not trust requests/s' : ''}.`,
  ];
}

function billLine({ bill }: BenchResult): string[] {
  if (bill === undefined) return [];
  const { answered, logged, exact } = bill;
  const verdict = logged >= answered && exact === logged ? '' : ': NOT ALL; its figures do not count';
  return [
    `Turnpike answered ${answered} requests and logged ${logged}, ${exact} of them with the exact cost${verdict}.`,
  ];
}

type Column = readonly [heading: string, cell: (lane: LaneFigures, measure: MeasureResult) => string];

const LANE: Column = ['', ({ lane }) => lane];
const TIMES_B: Column = ['× B', (lane, measure) => againstB(lane, measure)];
const TIMES_PORTKEY: Column = ['Portkey ÷', (lane, measure) => portkeyOver(lane, measure)];
const cpu = (unit: string): Column => [`CPU µs/${unit}`, ({ cpuUs }) => show(cpuUs, 1)];
const PER_SECOND: Column = ['requests/s', ({ requestsPerSecond }) => show(requestsPerSecond, 0)];

const COLUMNS: Readonly<Record<MeasureResult['id'], readonly Column[]>> = {
  small: [LANE, cpu('request'), TIMES_B, TIMES_PORTKEY, ['p50 µs', ({ p50Us }) => show(p50Us, 0)], PER_SECOND],
  '100k': [LANE, cpu('request'), TIMES_B, TIMES_PORTKEY],
  '1m': [LANE, cpu('request'), TIMES_B, TIMES_PORTKEY],
  latency: [LANE, ['p50 µs', ({ p50Us }) => show(p50Us, 0)], ['p99 µs', ({ p99Us }) => show(p99Us, 0)]],
  rps: [LANE, PER_SECOND, ['p99 µs', ({ p99Us }) => show(p99Us, 0)]],
  ttft: [LANE, ['p50 µs', ({ ttftP50Us }) => show(ttftP50Us, 0)], ['p99 µs', ({ ttftP99Us }) => show(ttftP99Us, 0)]],
  burst: [LANE, cpu('chunk'), TIMES_B, TIMES_PORTKEY, ['chunks/s and core', ({ cpuUs }) => perCore(cpuUs)]],
  paced: [LANE, cpu('chunk'), TIMES_B, TIMES_PORTKEY, ['chunks/s and core', ({ cpuUs }) => perCore(cpuUs)]],
};

function measureTable(measure: MeasureResult): string[] {
  const columns = COLUMNS[measure.id];
  const rows = measure.lanes.map((lane) => columns.map(([, cell]) => cell(lane, measure)));
  const notes = measure.lanes.flatMap(({ lane, invalid }) => invalid.map((reason) => `  ! ${lane}: ${reason}`));
  return ['', measure.title, ...table([columns.map(([heading]) => heading), ...rows]), ...notes];
}

function againstB(lane: LaneFigures, measure: MeasureResult): string {
  const base = middle(measure.lanes.find((other) => other.lane === 'B')?.cpuUs);
  const own = middle(lane.cpuUs);
  return base === undefined || own === undefined ? '' : (own / base).toFixed(2);
}

function portkeyOver(lane: LaneFigures, measure: MeasureResult): string {
  const base = middle(measure.lanes.find((other) => other.lane === 'portkey')?.cpuUs);
  const own = middle(lane.cpuUs);
  return base === undefined || own === undefined ? '' : (base / own).toFixed(1);
}

function memoryTable(result: BenchResult): string[] {
  if (result.memory.length === 0) return [];
  const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '–' : (bytes / 1e6).toFixed(1));
  const rows = result.memory.map((peer) => [
    peer.peer,
    megabytes(peer.idleBytes),
    megabytes(peer.heldBytes),
    megabytes(peer.afterBytes),
    peer.afterSeconds === undefined ? '–' : peer.afterSeconds.toFixed(0),
  ]);
  return ['', 'Resident memory, MB', ...table([['', 'idle', 'at 600 streams', 'after', 'seconds after'], ...rows])];
}

function verdictTable(result: BenchResult): string[] {
  if (figuresOf(result, 'small', 'turnpike') === undefined && !result.memory.some(({ peer }) => peer === 'turnpike'))
    return [];
  const rows = verdicts(result).map((verdict) => [
    verdict.promise,
    number(verdict.limit, verdict),
    verdict.value === undefined ? 'not measured' : number(verdict.value, verdict),
    verdict.isMet === undefined ? '' : verdict.isMet ? 'met' : 'NOT MET',
  ]);
  return ['', 'What Turnpike promises', ...table([['', 'promised', 'measured', ''], ...rows])];
}

function number(value: number, { unit, limit }: Verdict): string {
  if (unit === '×' && limit < 1) return `1/${(1 / value).toFixed(1)}`;
  const digits = unit === '×' ? 2 : unit === 'MB' ? 1 : 0;
  return `${value.toFixed(digits)} ${unit}`;
}

function perCore(cpuUs: Spread | undefined): string {
  return cpuUs === undefined ? '–' : (1e6 / cpuUs.median).toFixed(0);
}

function show(value: Spread | undefined, digits: number): string {
  if (value === undefined || Number.isNaN(value.median)) return '–';
  return `${value.median.toFixed(digits)} (${value.min.toFixed(digits)}–${value.max.toFixed(digits)})`;
}

/** Columns as wide as their widest cell; the first is left-aligned, the others right-aligned. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
