import { parseArgs } from 'node:util';
import { atLine, away } from './scenes.ts';
import { type Figures, simulate } from './simulation.ts';

/** A part of a run's figures, as a line. */
export function lineOf(figures: Figures): string {
  const { asked, admitted, refused, waited, overshoot, phantoms, calls } = figures;
  const percent = (part: number, of: number) => `${((100 * part) / Math.max(1, of)).toFixed(2)} %`;
  return [
    `${asked} asked, ${admitted} admitted, ${refused} refused`,
    `overshoot ${percent(overshoot, 1)}`,
    `refused in vain ${phantoms}`,
    `Retry-After off by more than 50 ms for ${percent(figures.retryErrorsMs.filter((ms) => ms > 50).length, refused)}, p99 ${percentile(figures.retryErrorsMs, 0.99).toFixed(1)} ms, at most ${figures.retryErrorMsMax.toFixed(1)} ms`,
    `waited ${percent(waited, asked)} (p99 ${percentile(figures.waitsMs, 0.99).toFixed(1)} ms, at most ${figures.waitMsMax.toFixed(1)} ms)`,
    `${calls} calls`,
  ].join('; ');
}

export function percentile(values: readonly number[], part: number): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

/**
 * Prints what limits come to where several processes share them, against the exact law:
 * `bun run conformance/limits/figures.ts --nodes 2,4,8 --seconds 600 --seed 1`.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string', default: '1,2,4,8' },
      seconds: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
    },
  });
  for (const nodes of values.nodes.split(',').map(Number)) {
    for (const [place, plays] of Object.entries({ 'away from the line': away, 'at the line': atLine })) {
      for (const [name, play] of Object.entries(plays)) {
        if (!`${place} ${name}`.includes(values.only)) continue;
        const scene = { ...play, nodes, seconds: Number(values.seconds), seed: Number(values.seed) };
        console.log(`${nodes} processes, ${place}, ${name}: ${lineOf(await simulate(scene))}`);
      }
    }
  }
}

if (import.meta.main) await main();
