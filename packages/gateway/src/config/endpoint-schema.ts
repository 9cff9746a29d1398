import * as z from 'zod/mini';
import { dataTermsSchema } from './data-terms.ts';
import { endpointLimitSchema } from './rule-schemas.ts';
import { count, headersSchema, text, urlSchema, usd } from './schema-words.ts';

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

export const deadlinesSchema = z
  .strictObject({
    connectMs: z.optional(count('Until a connection stands. Default 10000.', 1)),
    firstByteMs: z.optional(count('From dispatch until the answer starts. Default 600000.', 1)),
    streamFirstByteMs: z.optional(count('As firstByteMs, for streams. Default: firstByteMs.', 1)),
    betweenChunksMs: z.optional(count('Between two chunks of a stream. Default 120000.', 1)),
    totalMs: z.optional(count('From dispatch until the last byte. Default 3600000.', 1)),
  })
  .check(z.describe('Bounds on waiting for a provider, in milliseconds.'));

export const quirksSchema = z
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
export const endpointSchema = z
  .strictObject(endpointFields)
  .check(z.describe('One provider, model and credential that can serve the model.'));

const { apiKey: _apiKey, headers: _headers, ...storedEndpointFields } = endpointFields;
/** As in the file, but for secrets: those are kept as credentials. */
export const storedEndpointSchema = z
  .strictObject(storedEndpointFields)
  .check(z.describe('One provider, model and credential that can serve the model.'));

export type PriceEntry = z.infer<typeof priceSchema>;
export type EndpointEntry = z.infer<typeof endpointSchema>;
