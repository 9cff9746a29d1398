/** What worker processes cost and how they behave together; longer: `bun conformance/fleet/figures.ts`. */
import { expect, test } from 'bun:test';
import { fleetFigures, tellFigures } from './figures.ts';

test.skipIf(process.platform !== 'linux')(
  'four workers behave as one gateway',
  async () => {
    const options = { workers: 4, rounds: 2, requests: 200 };
    const figures = await fleetFigures(options);
    process.stdout.write(`${tellFigures(options, figures)}\n`);
    for (const ms of figures.revokedMs) expect(ms).toBeLessThan(1_000);
    expect(figures.replacedMs).toHaveLength(4);
    // At most those whose connection was at the one that was killed.
    expect(figures.meanwhile.failed).toBeLessThanOrEqual(4 * 4);
    expect(figures.drained).toMatchObject({ streams: 24, whole: 24, code: 0 });
  },
  120_000,
);
