import { readFileSync } from 'node:fs';

/** Which core each part of a run is pinned to. */
export interface CorePlan {
  /** Cores that could be used. */
  readonly count: number;
  readonly gateway: number;
  readonly generator: number;
  readonly upstream: number;
  /** True when the gateway has no core to itself, and the figures mean little. */
  readonly isShared: boolean;
}

/** Reads a list like `0-2,5` (the form of `Cpus_allowed_list`). */
export function parseCoreList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [from = Number.NaN, to = from] = range.split('-').map(Number);
      if (!Number.isInteger(from) || !Number.isInteger(to)) throw new Error(`not a list of cores: ${text}`);
      return Array.from({ length: to - from + 1 }, (_, at) => from + at);
    });
}

/** The gateway always gets one core alone; generator and upstream share the other one when there are only two. */
export function planCores(allowed: readonly number[]): CorePlan {
  const [first = 0, second = first, third = second, fourth] = allowed;
  // With four, the first core is left to the system, which serves most interrupts there.
  const count = allowed.length;
  if (fourth !== undefined) return { count, gateway: second, generator: third, upstream: fourth, isShared: false };
  return { count, gateway: first, generator: second, upstream: third, isShared: count < 2 };
}

/** Cores this process may run on. */
export function allowedCores(): number[] {
  const match = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return parseCoreList(match?.[1] ?? '0');
}

/** Moves every thread of this process to one core. */
export function pinSelf(core: number): void {
  const { exitCode, stderr } = Bun.spawnSync(['taskset', '-a', '-c', '-p', String(core), String(process.pid)]);
  if (exitCode !== 0) throw new Error(`taskset failed: ${stderr.toString().trim()}`);
}
