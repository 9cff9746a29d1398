import * as z from 'zod/mini';
import { parseIpRange } from './ip-range.ts';
import { count, headersSchema, text } from './schema-words.ts';

/** A hundred years. */
const RETENTION_DAYS_MAX = 36_525;

/** What the gateway as a whole is set to: sections of `turnpike.yaml` beside keys, models and rules. */
export const settingsFields = {
  server: z.optional(
    z.strictObject({
      port: z.optional(z.int().check(z.minimum(0), z.maximum(65535), z.describe('0 takes any free port.'))),
      host: z.optional(text('The address to listen at.')),
      bodyBytesMax: z.optional(count('Largest request. Default 33554432 (32 MiB).', 1024)),
      responseBytesMax: z.optional(count('Largest answer. Default 268435456 (256 MiB).', 1024)),
      keepAliveMs: z.optional(count('Silence on a stream before a comment is sent; 0 for never. Default 15000.', 0)),
      shutdownGraceMs: z.optional(count('How long streams may go on after a stop signal. Default 30000.', 0)),
      exchangesMax: z.optional(count('Exchanges under way at once. Default 4096.', 1)),
      trustedProxies: z.optional(
        z
          .array(
            z
              .string()
              .check(z.refine((range) => parseIpRange(range) !== undefined, 'must be an IP address or a CIDR range')),
          )
          .check(
            z.maxLength(1_000),
            z.describe('Addresses of proxies whose X-Forwarded-For is believed. Default none.'),
          ),
      ),
      cors: z.optional(
        z.strictObject({
          origins: z.optional(z.array(text('An origin such as https://app.example, or * for any.'))),
        }),
      ),
    }),
  ),
  ledger: z
    .optional(
      z.strictObject({
        durability: z.optional(
          z
            .enum(['process', 'power'])
            .check(
              z.describe(
                'What the accounts of an attempt survive: the end of the process (default), or a power cut as well, for which calls and ends of answers then wait.',
              ),
            ),
        ),
        onJournalFailure: z.optional(
          z
            .enum(['refuse', 'serve'])
            .check(
              z.describe(
                'When the journal cannot be written: refuse further calls (default), or serve them with their accounts in memory only.',
              ),
            ),
        ),
        journalBytesMax: z.optional(
          count('What may wait in the journal while the database is gone. Default 1073741824 (1 GiB).', 1024 * 1024),
        ),
        namesPerDayMax: z.optional(
          count(
            'Names that callers make up, of models, end users and tags, that are told apart in a day. Default 10000.',
            1,
          ),
        ),
        endUsers: z.optional(
          z
            .boolean()
            .check(z.describe('Name the end user of every request. Default: where a rule or a stored one asks.')),
        ),
        tags: z.optional(
          z.boolean().check(z.describe('Name the tags of every request. Default: where a rule or a stored one asks.')),
        ),
      }),
    )
    .check(z.describe('How the ledger is kept.')),
  retention: z
    .optional(
      z.strictObject({
        exchangeLogDays: z.optional(
          count('Days that exchanges stay in the log.', 1).check(z.maximum(RETENTION_DAYS_MAX)),
        ),
        ledgerDays: z.optional(
          count('Days that attempts stay in the ledger, at least 7; their sums stay.', 7).check(
            z.maximum(RETENTION_DAYS_MAX),
          ),
        ),
      }),
    )
    .check(z.describe('For how long what happened is kept in detail. Absent: for ever.')),
  byok: z
    .optional(
      z.strictObject({
        counts: z.optional(
          z
            .boolean()
            .check(z.describe("Does it count in budgets what callers' own credentials pay for? Default false.")),
        ),
      }),
    )
    .check(z.describe('Credentials that belong to callers.')),
  endUsers: z
    .optional(
      z.strictObject({
        header: z.optional(
          z
            .string()
            .check(
              z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/),
              z.describe('A header that names the end user, before `user` and `metadata.user_id` of the body.'),
            ),
        ),
        unknown: z.optional(
          z.enum(['allow', 'refuse']).check(z.describe('Requests for end users who are not stored. Default allow.')),
        ),
      }),
    )
    .check(z.describe('How end users are known.')),
  alerts: z
    .optional(
      z.strictObject({
        webhook: z.optional(
          z.strictObject({
            url: z.url().check(z.regex(/^https?:/), z.describe('Where alerts are posted: one JSON object for each.')),
            secret: z.optional(
              text('Signs the body: x-turnpike-signature is sha256= and its HMAC-SHA256 in hexadecimal digits.'),
            ),
            headers: z.optional(headersSchema),
          }),
        ),
      }),
    )
    .check(z.describe('Who is told of budgets.')),
};
