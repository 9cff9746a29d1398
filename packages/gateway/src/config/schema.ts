import * as z from 'zod/mini';
import { dataTermsSchema } from './data-terms.ts';
import { parseIpRange } from './ip-range.ts';
import { authSchema } from './jwt-schema.ts';
import { priorities, queueCallers } from './limit-queue.ts';
import { byokSchema, housePolicySchema, keyPolicySchema, requestCredentialsSchema } from './policy-schema.ts';

/**
 * The schema of `turnpike.yaml`: source of its types, its checks and its published JSON Schema
 * (`docs/turnpike.schema.json`, written by `generate-schema.ts`). Every key is optional where not said otherwise.
 */

function text(description: string) {
  return z.string().check(z.minLength(1), z.describe(description));
}

function count(description: string, least: number) {
  return z.int().check(z.minimum(least), z.describe(description));
}

const usd = z
  .union([z.number().check(z.minimum(0)), z.string().check(z.regex(/^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$/))])
  .check(z.describe('An amount in US dollars; a decimal in quotes stays exact whatever its length.'));

const perMillion = {
  input: usd,
  output: usd,
  cacheRead: z.optional(usd),
  cacheWrite: z.optional(usd),
  cacheWrite1h: z.optional(usd),
  inputAudio: z.optional(usd),
  outputAudio: z.optional(usd),
  inputImage: z.optional(usd),
  outputImage: z.optional(usd),
  outputReasoning: z.optional(usd),
};

const priceSchema = z
  .strictObject({
    ...perMillion,
    perRequest: z.optional(usd.check(z.describe('US dollars per request.'))),
    serverToolCalls: z.optional(
      z.record(z.string(), usd).check(z.describe('US dollars per call of a tool the provider runs, by its name.')),
    ),
    tiers: z.optional(
      z.array(
        z.strictObject({ aboveInputTokens: count('The tier holds for longer inputs than this.', 0), ...perMillion }),
      ),
    ),
  })
  .check(z.describe("Prices in US dollars per million tokens. Replaces the catalogue's."));

const deadlinesSchema = z
  .strictObject({
    connectMs: z.optional(count('Until a connection stands. Default 10000.', 1)),
    firstByteMs: z.optional(count('From dispatch until the answer starts. Default 600000.', 1)),
    streamFirstByteMs: z.optional(count('As firstByteMs, for streams. Default: firstByteMs.', 1)),
    betweenChunksMs: z.optional(count('Between two chunks of a stream. Default 120000.', 1)),
    totalMs: z.optional(count('From dispatch until the last byte. Default 3600000.', 1)),
  })
  .check(z.describe('Bounds on waiting for a provider, in milliseconds.'));

const headersSchema = z
  .record(z.string().check(z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)), z.string())
  .check(z.describe('Extra headers of outgoing requests.'));

const urlSchema = z
  .string()
  .check(z.regex(/^https?:\/\/[^\s]+$/), z.describe('Base address up to and including the version segment (…/v1).'));

const quirksSchema = z
  .strictObject({
    maxTokensField: z.optional(z.enum(['max_tokens', 'max_completion_tokens'])),
    systemRole: z.optional(z.enum(['system', 'developer'])),
    reasoningHistory: z.optional(z.enum(['details', 'content', 'reasoning', 'none'])),
    reasoningRequest: z.optional(z.enum(['effort', 'object', 'none'])),
    toolChoiceRequiredAs: z.optional(z.enum(['required', 'any'])),
    toolNameCharsMax: z.optional(count('Longest tool name accepted.', 1)),
    cacheMarks: z.optional(z.boolean()),
    streamUsageOption: z.optional(z.boolean()),
    refusedFields: z.optional(z.array(z.string())),
    responseFormats: z.optional(z.array(z.enum(['json', 'json-schema']))),
    maxTokensDefault: z.optional(count('Output bound sent when the caller gave none.', 1)),
  })
  .check(z.describe('What the provider does otherwise than the norm of its dialect.'));

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

const endpointLimitSchema = z.strictObject(limitFields).check(z.describe('A limit of this endpoint.'));
const keyLimitSchema = levelLimit.check(z.describe('A limit of this key.'));
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
const limitSchema = z.strictObject({ ...limitFields, ...queueField, ...ruleFields }).check(z.describe('A limit.'));

/** The last instant that dates can tell. */
/** A hundred years. */
const RETENTION_DAYS_MAX = 36_525;
const TIME_MS_MAX = 8_640_000_000_000_000;

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
const keyBudgetSchema = levelBudget.check(z.describe('A budget of this key.'));
const budgetSchema = z.strictObject({ ...budgetFields, ...ruleFields }).check(z.describe('A budget.'));

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
const markupSchema = z
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

const endpointFields = {
  id: z.optional(text('A name for logs. Default: provider/model.')),
  provider: text('The id of a provider.'),
  model: text("The provider's own name of the model. `*` is filled from the name's `*`."),
  apiKey: z.optional(text("Credential. Default: the provider's.")),
  credential: z.optional(text('The name of a credential kept in the database, in place of apiKey.')),
  baseUrl: z.optional(urlSchema),
  weight: z.optional(z.number().check(z.positive(), z.describe('Share of traffic among equal orders. Default 1.'))),
  order: z.optional(z.int().check(z.describe('Lower orders are tried first. Default 0.'))),
  deadlines: z.optional(deadlinesSchema),
  headers: z.optional(headersSchema),
  price: z.optional(priceSchema),
  inputTokensMax: z.optional(count("The longest input the model takes. Default: the catalogue's context window.", 1)),
  data: z.optional(dataTermsSchema),
  outputTokensMax: z.optional(count('The longest answer the model gives, when the request names no bound.', 1)),
  limits: z.optional(z.array(endpointLimitSchema)),
};
const endpointSchema = z
  .strictObject(endpointFields)
  .check(z.describe('One provider, model and credential that can serve the model.'));

const { apiKey: _apiKey, headers: _headers, ...storedEndpointFields } = endpointFields;
/** As in the file, but for secrets: those are kept as credentials. */
export const storedEndpointSchema = z
  .strictObject(storedEndpointFields)
  .check(z.describe('One provider, model and credential that can serve the model.'));

/** Under keys, and in policies. */
export const budgetFallbacksSchema = z
  .record(text('The name of a model.'), z.array(text('The name of a model.')).check(z.maxLength(20)))
  .check(z.describe('For models that a budget keeps out: what to try in their place, in this order.'));

export const fallbacksSchema = z.array(text('The name of a model.')).check(z.maxLength(100));
export const retriesSchema = count('Tries after the first. Default 2.', 0).check(z.maximum(20));

export const configSchema = z.strictObject({
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
  auth: z.optional(authSchema),
  adminKey: z.optional(text('The key that may do everything.')),
  policy: z.optional(housePolicySchema),
  keys: z.optional(
    z.array(
      z.strictObject({
        name: text('Shown in logs.'),
        key: z.optional(text('The key itself; only its digest is kept.')),
        sha256: z.optional(z.string().check(z.regex(/^[0-9a-fA-F]{64}$/), z.describe('SHA-256 of the key, in hex.'))),
        models: z.optional(z.array(text('A model name or pattern this key may use.'))),
        policy: z.optional(keyPolicySchema),
        modelGroups: z.optional(z.array(text('The name of a group of models this key may use.'))),
        user: z.optional(text('Whose key it is.')),
        team: z.optional(text('The team it belongs to.')),
        organisation: z.optional(text('The organisation it belongs to.')),
        project: z.optional(text('The project it is for.')),
        tags: z.optional(z.array(text('A tag its requests count under.'))),
        limits: z.optional(z.array(keyLimitSchema)),
        budgets: z.optional(z.array(keyBudgetSchema)),
        fallbackModels: z.optional(budgetFallbacksSchema),
        byok: z.optional(byokSchema),
        allowRequestCredentials: z.optional(requestCredentialsSchema),
      }),
    ),
  ),
  modelGroups: z
    .optional(z.record(text('A name for all of them.'), z.array(text('A model name or pattern.'))))
    .check(z.describe('Groups of models, to be named where models are allowed.')),
  providers: z.optional(
    z.array(
      z.strictObject({
        id: text('The name before the slash in provider/model.').check(z.regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/)),
        name: z.optional(text('Name for people.')),
        dialect: z.optional(z.enum(['openai-chat', 'anthropic-messages'])),
        baseUrl: z.optional(urlSchema),
        apiKey: z.optional(text('Credential. Default: from envKeys.')),
        headers: z.optional(headersSchema),
        quirks: z.optional(quirksSchema),
        envKeys: z.optional(z.array(text('An environment variable that holds the credential.'))),
        keyOptional: z.optional(z.boolean().check(z.describe('Is it served without a credential?'))),
        auth: z.optional(
          z
            .union([z.enum(['bearer', 'none']), z.strictObject({ header: text('The header that carries the key.') })])
            .check(z.describe('How the credential is sent. Default: as is usual for the dialect.')),
        ),
        data: z.optional(dataTermsSchema),
        countTokens: z.optional(z.boolean().check(z.describe('Does it answer …/count_tokens?'))),
        catalogueId: z.optional(z.nullable(text('Its id in the price catalogue; null when it has no prices there.'))),
      }),
    ),
  ),
  models: z.optional(
    z.array(
      z.strictObject({
        name: text('The name callers use. May hold `*`.'),
        endpoints: z
          .array(z.union([text('provider/model'), endpointSchema]))
          .check(z.minLength(1), z.describe('What can serve it.')),
        fallbacks: z.optional(fallbacksSchema),
        retries: z.optional(retriesSchema),
      }),
    ),
  ),
  defaults: z.optional(z.strictObject({ deadlines: z.optional(deadlinesSchema), retries: z.optional(retriesSchema) })),
  fallbacks: z.optional(
    z
      .record(z.string(), fallbacksSchema)
      .check(z.describe('Models to try when one failed: by name, pattern, or * for all.')),
  ),
  limits: z.optional(z.array(limitSchema)),
  budgets: z.optional(z.array(budgetSchema)),
  markups: z.optional(z.array(markupSchema)),
  discovery: z.optional(
    z.boolean().check(z.describe('Are providers available whose usual variables are set? Default true.')),
  ),
  sandbox: z.optional(z.boolean().check(z.describe('Stand-in models. Default: when no provider is available.'))),
});

export type ConfigFile = z.infer<typeof configSchema>;
export type PriceEntry = z.infer<typeof priceSchema>;
export type EndpointEntry = z.infer<typeof endpointSchema>;
export type LimitEntry = z.infer<typeof limitSchema>;
export type BudgetEntry = z.infer<typeof budgetSchema>;
export type MarkupFileEntry = z.infer<typeof markupSchema>;
export type LevelLimitEntry = z.infer<typeof levelLimit>;
export type LevelBudgetEntry = z.infer<typeof levelBudget>;
export type ProviderEntry = NonNullable<ConfigFile['providers']>[number];

/** The published JSON Schema, as draft 2020-12. */
export function jsonSchema(): unknown {
  return {
    title: 'turnpike.yaml',
    ...z.toJSONSchema(configSchema, { target: 'draft-2020-12', io: 'input' }),
  };
}
