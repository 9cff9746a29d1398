import * as z from 'zod/mini';
import type { DataTerms } from '../catalog/data-terms.ts';

/** What a policy demands of those terms. What is not known fulfils no demand. */
export interface DataDemands {
  /** Names or patterns with `*`: every region of an endpoint must fit one. */
  readonly regions?: readonly string[] | undefined;
  readonly retentionDaysMax?: number | undefined;
  /** `false`: nowhere where models are trained on it. */
  readonly training?: false | undefined;
}

const REGIONS_MAX = 100;
const RETENTION_DAYS_MAX = 36_500;
const region = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/));
const days = z.int().check(z.minimum(0), z.maximum(RETENTION_DAYS_MAX));

export const dataTermsSchema = z
  .strictObject({
    regions: z.optional(
      z
        .array(region)
        .check(
          z.minLength(1),
          z.maxLength(REGIONS_MAX),
          z.describe('Where it is processed and kept, in words of your own: eu, us-east-1.'),
        ),
    ),
    retentionDays: z.optional(days.check(z.describe('For how many days it is kept; 0 for not at all.'))),
    training: z.optional(z.boolean().check(z.describe('Are models trained on it?'))),
  })
  .check(
    z.describe('What becomes of what it is sent, as far as you know. What is absent fulfils no demand of a policy.'),
  );

export const dataDemandsSchema = z
  .strictObject({
    regions: z.optional(
      z
        .array(z.string().check(z.regex(/^[A-Za-z0-9_*-]{1,64}$/), z.regex(/^[^*]*(\*[^*]*){0,4}$/)))
        .check(
          z.maxLength(REGIONS_MAX),
          z.describe('Every region of an endpoint must fit one; `*` stands for anything, four times at most.'),
        ),
    ),
    retentionDaysMax: z.optional(days.check(z.describe('Kept for so many days at most; 0 for not at all.'))),
    training: z.optional(z.literal(false).check(z.describe('Nowhere where models are trained on it.'))),
  })
  .check(z.describe('Only endpoints whose data terms are known to fulfil this may serve.'));

/** The endpoint's own terms over those of its provider. */
export function dataTermsOf(own: DataTerms | undefined, provider: DataTerms | undefined): DataTerms | undefined {
  return own === undefined ? provider : { ...provider, ...own };
}
