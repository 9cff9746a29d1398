import { joinBytes, type Step } from '../http/wire-plan.ts';

/**
 * Where the body is cut into writes. `recorded`: as on the recorded network, or by event where that is unknown.
 * `event`: one SSE event each. `byte`: every byte alone. A number: that many bytes. `{seed}`: sizes from 1 to 64 bytes,
 * the same for the same seed.
 */
export type Split = 'recorded' | 'event' | 'byte' | number | { seed: number };

/** Cuts SSE text after each blank line (LF, CRLF or CR); what is left without one is the last step. */
export function stepsByEvent(bytes: Uint8Array): Step[] {
  const steps: Step[] = [];
  let start = 0;
  let at = 0;
  while (at < bytes.length) {
    const first = lineEnd(bytes, at);
    const second = first === 0 ? 0 : lineEnd(bytes, at + first);
    if (second === 0) {
      at += Math.max(1, first);
      continue;
    }
    at += first + second;
    steps.push({ bytes: bytes.subarray(start, at) });
    start = at;
  }
  if (start < bytes.length) steps.push({ bytes: bytes.subarray(start) });
  return steps;
}

/** The length of the line end at `at`: 0, 1 or 2 bytes. */
function lineEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] === LF) return 1;
  if (bytes[at] !== CR) return 0;
  return bytes[at + 1] === LF ? 2 : 1;
}

const LF = 10;
const CR = 13;

/**
 * Cuts anew what is sent without a wait; waits stay where they are.
 * @param sizes recorded chunk sizes, for `recorded`.
 */
export function resplit(steps: readonly Step[], split: Split, sizes?: readonly number[]): Step[] {
  if (split === 'event' || (split === 'recorded' && sizes === undefined)) return [...steps];
  const cutter = sizesOf(split, sizes ?? []);
  return runsOf(steps).flatMap((run) => cut(run, cutter));
}

/** Joins steps up to the next one that waits. */
function runsOf(steps: readonly Step[]): Step[] {
  const runs: Step[][] = [];
  for (const step of steps) {
    const last = runs.at(-1);
    if (last === undefined || step.waitMs !== undefined) runs.push([step]);
    else last.push(step);
  }
  return runs.map((run) => ({ bytes: joinBytes(run.map((step) => step.bytes)), waitMs: run[0]?.waitMs }));
}

function cut(run: Step, nextSize: () => number): Step[] {
  if (run.bytes.length === 0) return [run];
  const pieces: Step[] = [];
  for (let at = 0; at < run.bytes.length; ) {
    const size = Math.max(1, nextSize());
    pieces.push({ bytes: run.bytes.subarray(at, at + size), waitMs: at === 0 ? run.waitMs : undefined });
    at += size;
  }
  return pieces;
}

function sizesOf(split: Split, recorded: readonly number[]): () => number {
  if (split === 'byte') return () => 1;
  if (typeof split === 'number') return () => split;
  if (typeof split === 'object') return seededSizes(split.seed);
  let at = 0;
  return () => recorded[at++] ?? Number.POSITIVE_INFINITY;
}

/** A small linear congruential generator (constants of Numerical Recipes): repeatable, and good enough for sizes. */
function seededSizes(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 1 + (state >>> 26);
  };
}
