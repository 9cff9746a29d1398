import { expect, test } from 'bun:test';
import { join } from 'node:path';
import fc from 'fast-check';
import type { DataTerms } from '../../catalog/data-terms.ts';
import type { DataDemands } from '../../config/data-terms.ts';
import { demandsOfBoth, effectiveDemands, unfulfilled } from './data-demands.ts';

/** What one level says, told without any of the code under test. */
function levelAllows({ regions, retentionDaysMax, training }: DataDemands, terms: DataTerms): boolean {
  const fits = (pattern: string, place: string) =>
    pattern.endsWith('*') ? place.startsWith(pattern.slice(0, -1)) : pattern === place;
  const places = terms.regions ?? [];
  return (
    (regions === undefined ||
      (places.length > 0 && places.every((place) => regions.some((pattern) => fits(pattern, place))))) &&
    (retentionDaysMax === undefined || (terms.retentionDays ?? Infinity) <= retentionDaysMax) &&
    (training !== false || terms.training === false)
  );
}

const place = fc.constantFrom('eu', 'eu-west', 'us');
/** One or two fields of it: with all of them hardly anything would be allowed, and little be compared. */
const anyDemands: fc.Arbitrary<DataDemands> = fc.oneof(
  fc.record({ regions: fc.array(fc.constantFrom('eu', 'eu*', 'us', '*'), { minLength: 1, maxLength: 2 }) }),
  fc.record({ retentionDaysMax: fc.constantFrom(0, 30) }),
  fc.record({ training: fc.constant(false as const) }),
  fc.record({ regions: fc.constant([]), retentionDaysMax: fc.constant(30) }),
  fc.record({ retentionDaysMax: fc.constant(30), training: fc.constant(false as const) }),
);
const anyTerms: fc.Arbitrary<DataTerms> = fc.record(
  {
    regions: fc.array(place, { minLength: 1, maxLength: 2 }),
    retentionDays: fc.constantFrom(0, 1, 30, 31),
    training: fc.boolean(),
  },
  { requiredKeys: [] },
);

test('an endpoint serves when it is known to fulfil what every level demands, and only then', () => {
  let allowed = 0;
  fc.assert(
    fc.property(fc.array(anyDemands, { maxLength: 3 }), anyTerms, (levels, terms) => {
      const meets = unfulfilled(effectiveDemands(levels), terms) === undefined;
      expect(meets).toBe(levels.every((level) => levelAllows(level, terms)));
      const [first, ...rest] = levels;
      const both = demandsOfBoth(effectiveDemands(first === undefined ? [] : [first]), effectiveDemands(rest));
      expect(unfulfilled(both, terms) === undefined).toBe(meets);
      if (meets && levels.length > 1) allowed++;
    }),
    { numRuns: 3_000 },
  );
  expect(allowed).toBeGreaterThan(100);
});

/** Rows of what an endpoint's terms are, and whether it may serve under demands. */
function truthTable(): string {
  const demands: DataDemands[] = [{ regions: ['eu*'] }, { retentionDaysMax: 0 }, { training: false }];
  const rows: DataTerms[] = [
    {},
    { regions: ['eu-west'] },
    { regions: ['eu-west', 'us'] },
    { retentionDays: 0 },
    { retentionDays: 30, training: false },
    { training: true },
    { regions: ['eu'], retentionDays: 0, training: false },
  ];
  const told = (value: object) =>
    `\`{ ${Object.entries(value)
      .map(([name, one]) => `${name}: ${Array.isArray(one) ? `[${one.join(', ')}]` : one}`)
      .join(', ')} }\``.replace('{  }', '{}');
  const lines = rows.map((terms) => {
    const answers = demands.map((one) => unfulfilled(effectiveDemands([one]), terms) ?? 'yes');
    return `| ${[told(terms), ...answers].join(' | ')} |`;
  });
  return [`| its \`data\` | ${demands.map(told).join(' | ')} |`, '|---|---|---|---|', ...lines].join('\n');
}

test('docs/keys.md shows what it does', async () => {
  expect(await Bun.file(join(import.meta.dir, '../../../../../docs/keys.md')).text()).toContain(truthTable());
});
