import * as z from 'zod/mini';
import { dataTermsSchema } from './data-terms.ts';
import { deadlinesSchema, endpointSchema, quirksSchema } from './endpoint-schema.ts';
import { authSchema } from './jwt-schema.ts';
import { byokSchema, housePolicySchema, keyPolicySchema, requestCredentialsSchema } from './policy-schema.ts';
import { budgetSchema, keyBudgetSchema, keyLimitSchema, limitSchema, markupSchema } from './rule-schemas.ts';
import { count, headersSchema, text, urlSchema } from './schema-words.ts';
import { settingsFields } from './settings-schema.ts';

/**
 * The schema of `turnpike.yaml`: source of its types, its checks and its published JSON Schema
 * (`docs/turnpike.schema.json`, written by `generate-schema.ts`). Every key is optional where not said otherwise.
 */

/** Under keys, and in policies. */
export const budgetFallbacksSchema = z
  .record(text('The name of a model.'), z.array(text('The name of a model.')).check(z.maxLength(20)))
  .check(z.describe('For models that a budget keeps out: what to try in their place, in this order.'));

export const fallbacksSchema = z.array(text('The name of a model.')).check(z.maxLength(100));
export const retriesSchema = count('Tries after the first. Default 2.', 0).check(z.maximum(20));

export const configSchema = z.strictObject({
  ...settingsFields,
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
export type ProviderEntry = NonNullable<ConfigFile['providers']>[number];

/** The published JSON Schema, as draft 2020-12. */
export function jsonSchema(): unknown {
  return {
    title: 'turnpike.yaml',
    ...z.toJSONSchema(configSchema, { target: 'draft-2020-12', io: 'input' }),
  };
}
