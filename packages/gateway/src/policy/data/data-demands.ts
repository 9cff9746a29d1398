import type { DataTerms } from '../../catalog/data-terms.ts';
import type { DataDemands } from '../../config/data-terms.ts';
import { compileWildcard, type Wildcard } from '../../config/wildcard.ts';

/** What all levels together demand. */
export interface EffectiveDemands {
  /** Of every list a pattern must fit, for every region. */
  readonly regions: readonly (readonly Wildcard[])[];
  readonly retentionDaysMax: number | undefined;
  readonly mayTrain: boolean;
}

/** @returns undefined when nobody demands anything. */
export function effectiveDemands(levels: readonly (DataDemands | undefined)[]): EffectiveDemands | undefined {
  const given = levels.filter((demands) => demands !== undefined);
  if (given.length === 0) return undefined;
  return {
    regions: given.flatMap(({ regions }) =>
      regions === undefined ? [] : [regions.map((pattern) => compileWildcard(pattern))],
    ),
    retentionDaysMax: least(given.map(({ retentionDaysMax }) => retentionDaysMax)),
    mayTrain: given.every(({ training }) => training !== false),
  };
}

/** What both demand. */
export function demandsOfBoth(
  a: EffectiveDemands | undefined,
  b: EffectiveDemands | undefined,
): EffectiveDemands | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    regions: [...a.regions, ...b.regions],
    retentionDaysMax: least([a.retentionDaysMax, b.retentionDaysMax]),
    mayTrain: a.mayTrain && b.mayTrain,
  };
}

/** Which demand an endpoint does not fulfil, for people; undefined when it fulfils all. */
export function unfulfilled(demands: EffectiveDemands | undefined, terms: DataTerms = {}): string | undefined {
  if (demands === undefined) return undefined;
  const { regions, retentionDaysMax, mayTrain } = demands;
  const { regions: places = [], retentionDays, training } = terms;
  if (regions.length > 0) {
    if (places.length === 0) return 'its region is not known';
    const outside = places.find((place) =>
      regions.some((patterns) => !patterns.some((pattern) => pattern.match(place) !== undefined)),
    );
    if (outside !== undefined) return `the region ${outside} is not allowed`;
  }
  if (retentionDaysMax !== undefined) {
    if (retentionDays === undefined) return 'how long it keeps data is not known';
    if (retentionDays > retentionDaysMax) {
      return `it keeps data for ${daysText(retentionDays)}, and ${daysText(retentionDaysMax)} are allowed`;
    }
  }
  if (mayTrain || training === false) return undefined;
  return training === undefined ? 'whether it trains on data is not known' : 'it trains on data';
}

function daysText(days: number): string {
  return days === 1 ? '1 day' : `${days} days`;
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
