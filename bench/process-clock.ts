import { dlopen, ptr } from 'bun:ffi';

/** Names of the C library on glibc and on musl. */
const LIBRARIES = ['libc.so.6', 'libc.so'];
const NANOSECONDS = new BigInt64Array(2);

type ClockGetTime = (clock: number, time: ReturnType<typeof ptr>) => number;

const clockGetTime = openClock();

/**
 * CPU time a process has used so far, in µs, with the resolution of the scheduler. Threads that have ended count, which
 * per-thread accounts in `/proc` lose. Undefined when the process is gone or the clock cannot be read.
 *
 * @see clock_getcpuclockid(3): the clock of a process is its inverted id, shifted, and 2 for the scheduler's account.
 */
export function processClockMicroseconds(pid: number): number | undefined {
  if (clockGetTime === undefined) return undefined;
  if (clockGetTime((~pid << 3) | 2, ptr(NANOSECONDS)) !== 0) return undefined;
  const [seconds = 0n, nanoseconds = 0n] = NANOSECONDS;
  return Number(seconds) * 1e6 + Number(nanoseconds) / 1000;
}

function openClock(): ClockGetTime | undefined {
  if (process.platform !== 'linux') return undefined;
  for (const library of LIBRARIES) {
    try {
      return dlopen(library, { clock_gettime: { args: ['i32', 'ptr'], returns: 'i32' } }).symbols.clock_gettime;
    } catch (error) {
      console.error(`${library}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return undefined;
}
