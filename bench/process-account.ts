import { readdirSync, readFileSync } from 'node:fs';
import { processClockMicroseconds } from './process-clock.ts';

/** What `/proc/PID/stat` tells of a process, per proc(5). Times in clock ticks. */
export interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  /** Ended children that were waited for. */
  readonly childrenTicks: number;
}

/** Clock ticks per second: USER_HZ is 100 on every Linux architecture that Bun runs on. */
const TICKS_PER_SECOND = 100;

/** Reads one line of `/proc/PID/stat`. The name in parentheses may itself hold spaces and parentheses. */
export function parseProcessStat(line: string): ProcessStat {
  const nameEnd = line.lastIndexOf(')');
  if (nameEnd < 0) throw new Error(`not a line of /proc/PID/stat: ${line.slice(0, 80)}`);
  const fields = line.slice(nameEnd + 2).split(' ');
  const field = (position: number): number => {
    const value = Number(fields[position - 3]);
    if (!Number.isFinite(value)) throw new Error(`field ${position} of /proc/PID/stat is no number`);
    return value;
  };
  return {
    pid: Number.parseInt(line, 10),
    parentPid: field(4),
    userTicks: field(14),
    systemTicks: field(15),
    childrenTicks: field(16) + field(17),
  };
}

/** Resident bytes from the text of `/proc/PID/status` (`VmRSS:   71234 kB`). 0 for a process that has ended. */
export function parseResidentBytes(status: string): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return match === null ? 0 : Number(match[1]) * 1024;
}

/** The process and all its living descendants. */
export function processTree(root: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = readOrUndefined(`/proc/${name}/stat`);
    if (line === undefined) continue;
    const { pid, parentPid } = parseProcessStat(line);
    childrenOf.set(parentPid, [...(childrenOf.get(parentPid) ?? []), pid]);
  }
  const tree: number[] = [];
  for (const queue = [root]; queue.length > 0; ) {
    const pid = queue.pop() ?? 0;
    tree.push(pid);
    queue.push(...(childrenOf.get(pid) ?? []));
  }
  return tree;
}

/**
 * CPU time used so far by the given processes, in µs: by the scheduler's clock of each process, or in ticks of 10 ms
 * where that cannot be read. Both count threads that have ended.
 */
export function cpuMicroseconds(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids) total += processClockMicroseconds(pid) ?? tickMicroseconds(pid);
  return total;
}

/** Resident bytes of the given processes together. Pages shared between them count once in each. */
export function residentBytes(pids: readonly number[]): number {
  let total = 0;
  for (const pid of pids) total += parseResidentBytes(readOrUndefined(`/proc/${pid}/status`) ?? '');
  return total;
}

/** Ticks that a core spent on anything, from `/proc/stat`: shows how much strangers used a pinned core. In µs. */
export function coreBusyMicroseconds(core: number): number {
  const line = readFileSync('/proc/stat', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`cpu${core} `));
  if (line === undefined) throw new Error(`core ${core} is not in /proc/stat`);
  return parseCoreBusyTicks(line) * (1e6 / TICKS_PER_SECOND);
}

/** Busy ticks of a `cpuN` line: all of user, nice, system, irq, softirq and steal; not idle and iowait. */
export function parseCoreBusyTicks(line: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + irq + softirq + steal;
}

function tickMicroseconds(pid: number): number {
  const line = readOrUndefined(`/proc/${pid}/stat`);
  if (line === undefined) return 0;
  const { userTicks, systemTicks, childrenTicks } = parseProcessStat(line);
  return (userTicks + systemTicks + childrenTicks) * (1e6 / TICKS_PER_SECOND);
}

/** Processes and threads come and go while `/proc` is read: what has ended has no text. */
function readOrUndefined(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasEnded(error)) return undefined;
    throw error;
  }
}

function hasEnded(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ESRCH';
}
