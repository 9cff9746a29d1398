import * as z from 'zod/mini';

/** Text that is not empty. */
export function text(description: string) {
  return z.string().check(z.minLength(1), z.describe(description));
}

/** A whole number, at least `least`. */
export function count(description: string, least: number) {
  return z.int().check(z.minimum(least), z.describe(description));
}

export const usd = z
  .union([z.number().check(z.minimum(0)), z.string().check(z.regex(/^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$/))])
  .check(z.describe('An amount in US dollars; a decimal in quotes stays exact whatever its length.'));

export const headersSchema = z
  .record(z.string().check(z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)), z.string())
  .check(z.describe('Extra headers of outgoing requests.'));

export const urlSchema = z
  .string()
  .check(z.regex(/^https?:\/\/[^\s]+$/), z.describe('Base address up to and including the version segment (…/v1).'));

/** The last instant that dates can tell. */
export const TIME_MS_MAX = 8_640_000_000_000_000;
