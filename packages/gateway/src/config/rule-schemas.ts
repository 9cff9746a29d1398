import * as z from 'zod/mini';
import { priorities, queueCallers } from './limit-queue.ts';
import { count, TIME_MS_MAX, text, usd } from './schema-words.ts';

const limitFields = {
  requests: z.optional(count('Requests, at most so many in any window.', 1)),
  tokens: z.optional(count('Tokens of input and output together.', 1)),
  inputTokens: z.optional(count('Tokens of input.', 1)),
  outputTokens: z.optional(count('Tokens of output.', 1)),
  concurrency: z.optional(count('Requests under way at once.', 1)),
  per: z.optional(
    z
      .string()
      .check(
        z.regex(/^(second|minute|hour|day|[1-9][0-9]{0,8}(ms|s|m|h|d))$/),
        z.describe('The length of the window: second, minute, hour, day, or as 90s, 15m, 5h, 7d.'),
      ),
  ),
  unreachable: z.optional(
    z
      .enum(['local', 'refuse'])
      .check(z.describe('When other processes cannot be asked: go on alone (default), or refuse.')),
  ),
};

/** Of limits that refuse; those of endpoints and providers pass on. */
const queueField = {
  queue: z.optional(
    z
      .strictObject({
        maxWait: z
          .string()
          .check(
            z.regex(/^[1-9][0-9]{0,6}(ms|s|m|h)$/),
            z.describe('What cannot get in within so long is refused: 500ms, 30s, 5m. At most 1h.'),
          ),
        maxLength: z.optional(
          z.int().check(z.minimum(1), z.maximum(10_000), z.describe('Requests that wait at once. Default 100.')),
        ),
        by: z.optional(z.enum(queueCallers).check(z.describe('Who shares it, each as one caller. Default key.'))),
        shares: z.optional(
          z
            .array(
              z.strictObject({
                id: text('A caller, or a pattern.'),
                weight: z.optional(
                  z.number().check(z.minimum(0.01), z.maximum(1_000), z.describe('Its share. Default 1.')),
                ),
                priority: z.optional(z.enum(priorities).check(z.describe('Default normal.'))),
              }),
            )
            .check(z.maxLength(1_000), z.describe('Shares of callers; the first that fits counts.')),
        ),
        priorityHeader: z.optional(
          z
            .enum(['lower', 'any'])
            .check(z.describe('What x-turnpike-priority may ask for: a lower priority (default), or any.')),
        ),
      })
      .check(z.describe('Lets requests wait for their turn, instead of refusing them at once.')),
  ),
};

const scopeFields = {
  endUser: z.optional(text('The end user named in the request; a pattern counts each one apart.')),
  model: z.optional(text('The model asked for, or a pattern.')),
  provider: z.optional(text('The id of a provider, or a pattern.')),
  tag: z.optional(text('A tag of the key or of the request, or a pattern.')),
};

/** Beside the scope of a rule. */
const defaultField = {
  default: z.optional(
    z.boolean().check(z.describe('With a pattern of endUser: only for end users whom no rule of this kind names.')),
  ),
};

const eachSchema = z
  .array(
    z.enum(['key', 'user', 'serviceAccount', 'team', 'organisation', 'project', 'endUser', 'model', 'provider', 'tag']),
  )
  .check(z.describe('Kinds of which each is counted apart.'));

const levelLimit = z.strictObject({
  ...limitFields,
  ...queueField,
  ...scopeFields,
  each: z.optional(eachSchema),
  ...defaultField,
});
/** A limit of a level, which is its scope: more can be asked of the request, not of the caller. */
export const levelLimitSchema = levelLimit.check(z.describe('A limit of what it belongs to.'));

export const endpointLimitSchema = z.strictObject(limitFields).check(z.describe('A limit of this endpoint.'));
export const keyLimitSchema = levelLimit.check(z.describe('A limit of this key.'));
const ruleFields = {
  scope: z.optional(
    z
      .strictObject({
        key: z.optional(text('The name of a key, or a pattern.')),
        user: z.optional(text('A user, or a pattern.')),
        serviceAccount: z.optional(text('A service account of the database, or a pattern.')),
        team: z.optional(text('A team, or a pattern.')),
        organisation: z.optional(text('An organisation, or a pattern.')),
        project: z.optional(text('A project, or a pattern.')),
        ...scopeFields,
      })
      .check(z.describe('What it is about: all of these must fit. Absent: every request.')),
  ),
  each: z.optional(eachSchema),
  ...defaultField,
};
export const limitSchema = z
  .strictObject({ ...limitFields, ...queueField, ...ruleFields })
  .check(z.describe('A limit.'));

const budgetFields = {
  amount: z.optional(usd.check(z.describe('The hard line, in US dollars: what might cross it is refused.'))),
  soft: z.optional(usd.check(z.describe('The soft line, in US dollars: crossing it is told.'))),
  per: z
    .string()
    .check(
      z.regex(/^(hour|day|week|month|lifetime|[1-9][0-9]{0,5}[smhd])$/),
      z.describe('hour, day, week, month (of the calendar), lifetime, or a rolling length such as 30s, 90m, 24h, 30d.'),
    ),
  zone: z.optional(text('The time zone of the calendar, by its IANA name. Default UTC.')),
  unpriced: z.optional(
    z.enum(['refuse', 'allow']).check(z.describe('Calls whose price is not known, under a hard line. Default refuse.')),
  ),
  unbounded: z.optional(
    z
      .enum(['refuse', 'estimate'])
      .check(
        z.describe(
          'Calls whose highest cost is not known (tools the provider runs without a bound, files of any size), under a hard line. Default refuse.',
        ),
      ),
  ),
  unboundedOutput: z.optional(
    z
      .enum(['refuse', 'estimate'])
      .check(
        z.describe(
          'Calls that name no bound on their output, where the endpoint has none either, under a hard line. Default estimate: 16384 tokens are held.',
        ),
      ),
  ),
  temporaryIncrease: z.optional(
    z
      .strictObject({
        amount: usd.check(z.describe('US dollars.')),
        untilMs: z.int().check(z.minimum(0), z.maximum(TIME_MS_MAX), z.describe('Until when, in Unix milliseconds.')),
      })
      .check(z.describe('Added to the hard line for a time.')),
  ),
  countsFromMs: z.optional(
    z
      .int()
      .check(
        z.minimum(0),
        z.maximum(TIME_MS_MAX),
        z.describe('What was spent before, in Unix milliseconds, does not count: how a budget is reset.'),
      ),
  ),
};
const levelBudget = z.strictObject({ ...budgetFields, ...scopeFields, each: z.optional(eachSchema), ...defaultField });
/** A budget of a level, which is its scope. */
export const levelBudgetSchema = levelBudget.check(z.describe('A budget of what it belongs to.'));
export const keyBudgetSchema = levelBudget.check(z.describe('A budget of this key.'));
export const budgetSchema = z.strictObject({ ...budgetFields, ...ruleFields }).check(z.describe('A budget.'));

const markupFields = {
  percent: z.optional(
    z
      .union([z.number(), z.string().check(z.regex(/^-?[0-9]+(\.[0-9]+)?$/))])
      .check(z.describe('Percent of the cost, -100 to 10000; below 0 for a discount.')),
  ),
  perCall: z.optional(usd.check(z.describe('US dollars for each call that did not fail.'))),
};
/** A markup of the level that carries it. */
export const levelMarkupSchema = z
  .strictObject({
    ...markupFields,
    fromMs: z.optional(
      z
        .int()
        .check(
          z.minimum(0),
          z.maximum(TIME_MS_MAX),
          z.describe('Holds for calls that begin from then on, Unix milliseconds. Default: all from now on.'),
        ),
    ),
  })
  .check(z.describe('What is charged beyond the cost.'));
export const markupSchema = z
  .strictObject({
    ...markupFields,
    scope: z.optional(
      z
        .strictObject({
          key: z.optional(text('The name of a key.')),
          project: z.optional(text('A project.')),
          team: z.optional(text('A team.')),
          organisation: z.optional(text('An organisation.')),
        })
        .check(z.describe('One of these: the innermost of a call decides. Absent: whoever has none of their own.')),
    ),
    from: z.optional(
      z
        .string()
        .check(
          z.regex(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/),
          z.describe('Holds for calls that begin from then on: 2026-12-01 (UTC), or 2026-12-01T06:00:00+01:00.'),
        ),
    ),
  })
  .check(z.describe('What is charged beyond the cost, and whom.'));

export type LimitEntry = z.infer<typeof limitSchema>;
export type BudgetEntry = z.infer<typeof budgetSchema>;
export type MarkupFileEntry = z.infer<typeof markupSchema>;
export type LevelLimitEntry = z.infer<typeof levelLimit>;
export type LevelBudgetEntry = z.infer<typeof levelBudget>;
