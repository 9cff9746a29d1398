import * as z from 'zod/mini';
import { byokModes } from './byok.ts';
import { dataDemandsSchema } from './data-terms.ts';
import { parseIpRange } from './ip-range.ts';
import { policyOperations } from './policy.ts';

/** Schemas of policies: those of stored levels, of keys in the configuration, and of issuers of tokens. */

const LIST_MAX = 1_000;
const PARAMETERS_MAX = 100;

function list(description: string) {
  return z
    .array(z.string().check(z.minLength(1), z.maxLength(200), z.describe('An entry.')))
    .check(z.maxLength(LIST_MAX), z.describe(description));
}

/** Patterns are few of their wildcards: matching takes time for each. */
export const patterns = (description: string) =>
  z
    .array(z.string().check(z.minLength(1), z.maxLength(200), z.regex(/^[^*]*(\*[^*]*){0,4}$/)))
    .check(z.maxLength(LIST_MAX), z.describe(`${description}; \`*\` stands for anything, four times at most.`));

const ipAllow = z
  .array(
    z.string().check(z.refine((range) => parseIpRange(range) !== undefined, 'must be an IP address or a CIDR range')),
  )
  .check(z.maxLength(LIST_MAX), z.describe('IP addresses and CIDR ranges calls may come from.'));

/** Fields that have a policy of their own, or that the gateway itself goes by. */
const OWN_FIELDS: ReadonlyMap<string, string> = new Map([
  ['model', 'models'],
  ['max_tokens', 'outputTokensMax'],
  ['max_completion_tokens', 'outputTokensMax'],
  ['messages', ''],
  ['stream', ''],
  ['stream_options', ''],
]);

function topOf(field: string): string {
  return field.split('.', 1)[0] ?? field;
}

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const parameterSchema = z
  .strictObject({
    field: z
      .string()
      .check(
        z.minLength(1),
        z.maxLength(200),
        z.regex(/^[^.]+(\.[^.]+){0,7}$/),
        z.describe('As the caller writes it, with dots into objects: metadata.project.'),
      ),
    face: z.optional(
      z.enum(['openai-chat', 'anthropic-messages']).check(z.describe('Only in requests of this dialect.')),
    ),
    forbidden: z.optional(z.literal(true).check(z.describe('It may not be there.'))),
    required: z.optional(z.literal(true).check(z.describe('It has to be there.'))),
    value: z.optional(z.json().check(z.describe('It is this, also when the request does not have it.'))),
    values: z.optional(
      z.array(scalar).check(z.minLength(1), z.maxLength(LIST_MAX), z.describe('It is one of these, if it is there.')),
    ),
    min: z.optional(z.number().check(z.describe('It is no less, if it is there.'))),
    max: z.optional(z.number().check(z.describe('It is no more, if it is there.'))),
    otherwise: z.optional(
      z.enum(['refuse', 'change']).check(z.describe('When it is otherwise. Default refuse; change makes it fit.')),
    ),
  })
  .check(
    z.refine(
      ({ forbidden, required, value, values, min, max }) =>
        [forbidden, required, value, values, min ?? max].filter((kind) => kind !== undefined).length === 1,
      'needs one of forbidden, required, value, values, or min and max',
    ),
    z.refine(
      ({ values, required, otherwise }) => (values ?? required) === undefined || otherwise !== 'change',
      'cannot make up a value: a field that is required, or one of several values, is only refused',
    ),
    z.refine(({ min, max }) => (min ?? -Infinity) <= (max ?? Infinity), 'has a min above its max'),
    z.refine(({ field }) => !OWN_FIELDS.has(topOf(field)), {
      error: ({ input }) => {
        const { field } = input as { field: string };
        const own = OWN_FIELDS.get(topOf(field));
        return own ? `cannot be about ${field}: that is ${own}` : `cannot be about ${field}, which the gateway goes by`;
      },
    }),
    z.describe('What a field of requests may say.'),
  );

/** Under keys of the configuration too. */
export const byokSchema = z
  .enum(byokModes)
  .check(
    z.describe(
      'Whose credential pays: prefer one of its own (default), the shared one as fallback when that fails, only one of its own, or never.',
    ),
  );
export const requestCredentialsSchema = z
  .boolean()
  .check(
    z.describe('May requests bring credentials of providers along? Not unless one level says so and none denies it.'),
  );

/** What can be said of callers and of end users alike. */
const sharedFields = {
  models: z.optional(patterns('Names of models that may be asked for')),
  modelGroups: z.optional(list('Names of groups of models, which are added to `models`.')),
  providers: z.optional(patterns('Ids of providers that may serve')),
  endpoints: z.optional(patterns('Ids of endpoints that may serve')),
  operations: z.optional(z.array(z.enum(policyOperations)).check(z.maxLength(policyOperations.length))),
  outputTokensMax: z.optional(z.int().check(z.minimum(1), z.describe('Most output tokens a request may ask for.'))),
  outputTokensAbove: z.optional(
    z
      .enum(['refuse', 'clamp'])
      .check(z.describe('Requests that ask for more than outputTokensMax. Default refuse; clamp makes it that.')),
  ),
  parameters: z.optional(
    z.array(parameterSchema).check(z.maxLength(PARAMETERS_MAX), z.describe('What fields of requests may say.')),
  ),
  data: z.optional(dataDemandsSchema),
};
const callerFields = {
  ...sharedFields,
  ipAllow: z.optional(ipAllow),
  expiresAtMs: z.optional(
    z
      .int()
      .check(
        z.minimum(0),
        z.maximum(8_640_000_000_000_000),
        z.describe('From when nothing is allowed any more, in Unix milliseconds.'),
      ),
  ),
  tagsRequired: z.optional(list('Tags a key must carry.')),
  requestTagsRequired: z.optional(
    patterns('Tags a request must carry, itself or by its key: each has to be fitted by one'),
  ),
};

const credentialFields = {
  byok: z.optional(byokSchema),
  allowRequestCredentials: z.optional(requestCredentialsSchema),
};

const needsMax = z.refine(
  (policy: unknown) => {
    const { outputTokensMax, outputTokensAbove } = policy as Readonly<Record<string, unknown>>;
    return outputTokensAbove === undefined || outputTokensMax !== undefined;
  },
  { error: 'means nothing without outputTokensMax', path: ['outputTokensAbove'] },
);

/** @param more Fields besides. */
export function storedPolicySchema<T extends z.core.$ZodLooseShape>(more: T) {
  return z
    .strictObject({ ...callerFields, ...credentialFields, ...more })
    .check(needsMax, z.describe('What this level allows. What is absent restricts nothing; all levels hold together.'));
}

export const endUserPolicySchema = z
  .strictObject(sharedFields)
  .check(needsMax, z.describe('What requests for the end user may use, within what their keys may.'));

/** Of a key of the configuration. */
export const keyPolicySchema = z
  .strictObject(callerFields)
  .check(needsMax, z.describe('What the key allows. What is absent restricts nothing.'));

const { modelGroups: _modelGroups, ...houseFields } = callerFields;
/** Of the whole configuration. */
export const housePolicySchema = z
  .strictObject(houseFields)
  .check(needsMax, z.describe('What every key and token allows at most, but for the admin key.'));

export const issuerPolicySchema = z
  .strictObject({ ...callerFields, ...credentialFields })
  .check(needsMax, z.describe('What all its callers may use at most.'));
