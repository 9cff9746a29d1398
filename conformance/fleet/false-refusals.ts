import type { Level, Line } from './levels.ts';
import type { LoadCall } from './load-call.ts';

/**
 * A call counts with its highest cost until so long after its client had the end: then the process that served it has told
 * the others what it cost.
 */
const TOLD_MS = 250;
/** After a kill the room of the process that is gone is locked until its journal was read. */
const READ_MS = 1_000;

/**
 * Refusals of calls that had room under all their lines at every instant they waited, by what the clients saw: with all calls
 * that were served at their highest cost while they ran, and those that were refused at nothing.
 */
export function falseRefusals(
  calls: readonly LoadCall[],
  level: Level,
  costs: ReadonlyMap<string, bigint>,
  kills: readonly (readonly [fromMs: number, untilMs: number])[],
): number {
  let count = 0;
  const served = calls.filter(({ end }) => end !== 'refused');
  const refused = calls.filter((call) => call.end === 'refused' && call.level === level.name);
  for (const call of refused) {
    const isLocked = kills.some(([from, until]) => call.endedAtMs > from && call.sentAtMs < until + READ_MS);
    if (!isLocked && level.lines.every((line) => !line.counts(call) || hasRoom(served, line, call, costs))) count++;
  }
  return count;
}

function hasRoom(served: readonly LoadCall[], line: Line, call: LoadCall, costs: ReadonlyMap<string, bigint>): boolean {
  let burden = call.boundNanoUsd;
  for (const other of served) {
    if (other.sentAtMs > call.endedAtMs || !line.counts(other)) continue;
    burden += other.endedAtMs + TOLD_MS < call.sentAtMs ? (costs.get(other.model) ?? 0n) : other.boundNanoUsd;
    if (burden > line.nanoUsd) return false;
  }
  return true;
}
