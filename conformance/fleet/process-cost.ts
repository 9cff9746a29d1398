import { readFileSync } from 'node:fs';

/** Of Linux on every machine there is. */
const TICKS_PER_SECOND = 100;
const MICROSECONDS = 1_000_000;

/** CPU that processes have used so far, in microseconds; to a hundredth of a second each. */
export function cpuUs(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    // The name of the program may hold spaces: what follows it does not.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return (ticks / TICKS_PER_SECOND) * MICROSECONDS;
}

/** Memory of processes, in MiB: what they share is divided among those that share it. */
export function memoryMib(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids) {
    const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    kib += Number(found?.[1] ?? 0);
  }
  return kib / 1_024;
}
