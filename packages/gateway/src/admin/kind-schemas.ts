import * as z from 'zod/mini';
import { storedEndpointSchema } from '../config/endpoint-schema.ts';
import { endUserPolicySchema, patterns, storedPolicySchema } from '../config/policy-schema.ts';
import { levelBudgetSchema, levelLimitSchema, levelMarkupSchema } from '../config/rule-schemas.ts';
import { budgetFallbacksSchema, fallbacksSchema, retriesSchema } from '../config/schema.ts';
import { adminScopes, roles } from '../identity/admin-scope.ts';
import { type EntityKind, entityKinds } from '../identity/entity.ts';

/** Schemas of what the admin API takes and gives: the source of its checks and of its OpenAPI document. */

const LIST_MAX = 1_000;
const TEXT_MAX = 1_000;
/** Budgets, or limits, of one entity. */
const RULES_MAX = 50;

function text(description: string) {
  return z.string().check(z.minLength(1), z.maxLength(200), z.describe(description));
}

function list(description: string) {
  return z.array(text('An entry.')).check(z.maxLength(LIST_MAX), z.describe(description));
}

const timeMs = (description: string) =>
  z.int().check(z.minimum(0), z.maximum(8_640_000_000_000_000), z.describe(`${description}, in Unix milliseconds.`));

export const policySchema = storedPolicySchema({ fallbackModels: z.optional(budgetFallbacksSchema) });

const ID = new RegExp(`^(${Object.values(entityKinds).join('|')})_[0-9a-z]{26}$`);
const isNoId = z.refine((value: unknown) => !ID.test(String(value)), 'must not look like an id');
const name = z
  .string()
  .check(
    z.regex(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/),
    isNoId,
    z.describe('Unique among its kind, and never changed: limits and the log go by it.'),
  );
/** What requests bring along, as they write it. */
const foreignName = (what: string) =>
  z
    .string()
    .check(
      z.maxLength(256),
      z.regex(/^[^\s*\p{Cc}]([^*\p{Cc}]*[^\s*\p{Cc}])?$/u),
      isNoId,
      z.describe(`${what}, without \`*\` and control characters. Never changed.`),
    );
const reference = (what: string) => text(`The ${what} it belongs to, by id or name. Never changed.`);
const description = z.optional(z.string().check(z.maxLength(TEXT_MAX), z.describe('For people.')));
const displayName = z.optional(text('Shown to people in place of the name; need not be unique, and can be changed.'));
/** Longest metadata of one entity, in characters of its JSON. */
const METADATA_CHARS_MAX = 16_384;
const metadata = z.optional(
  z.record(z.string(), z.json()).check(
    z.refine((value) => JSON.stringify(value).length <= METADATA_CHARS_MAX, 'is longer than 16384 characters'),
    z.describe('Facts of your own about it, given back as they are.'),
  ),
);
const isBlocked = z.optional(z.boolean().check(z.describe('Refuses every key of it.')));
const email = z.optional(text('The address of a person.'));
const tags = z.optional(list('Counted against, and shown in limits.'));
const teamTags = z.optional(list('Tags of all its keys.'));
const grants = z.optional(
  z.array(z.enum(adminScopes)).check(z.maxLength(adminScopes.length), z.describe('What the key may do in this API.')),
);
const sha256 = z
  .string()
  .check(
    z.regex(/^[0-9a-f]{64}$/),
    z.describe('SHA-256 of a key of yours, in lower-case hex: the key itself stays away.'),
  );
const ownKey = z
  .string()
  .check(
    z.minLength(20),
    z.maxLength(256),
    z.regex(/^[\x21-\x7e]+$/),
    z.describe('A key of your own choice. Not shown again.'),
  );

const rules = {
  budgets: z.optional(
    z.array(levelBudgetSchema).check(z.maxLength(RULES_MAX), z.describe('What it may spend: docs/budgets.md.')),
  ),
  limits: z.optional(
    z.array(levelLimitSchema).check(z.maxLength(RULES_MAX), z.describe('How much it may ask for: docs/limits.md.')),
  ),
};
const charged = {
  ...rules,
  budgetIds: z.optional(
    z
      .array(text('A reusable budget, by id or name.'))
      .check(
        z.maxLength(RULES_MAX),
        z.describe('Reusable budgets that hold for it too, each with an account of its own. Kept by id.'),
      ),
  ),
};
const level = { displayName, description, metadata, isBlocked, policy: z.optional(policySchema), ...charged };
const marked = {
  ...level,
  markups: z.optional(
    z
      .array(levelMarkupSchema)
      .check(z.maxLength(RULES_MAX), z.describe('What is charged beyond the cost, by time: docs/chargeback.md.')),
  ),
};
const endUser = {
  displayName,
  description,
  isBlocked: z.optional(z.boolean().check(z.describe('Refuses every request for them.'))),
  policy: z.optional(endUserPolicySchema),
  ...charged,
};

const secret = z
  .string()
  .check(
    z.minLength(8),
    z.maxLength(16_384),
    z.regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/),
    z.describe('What the provider knows the account by. Kept encrypted, and never shown again.'),
  );
const credential = {
  description,
  isBlocked: z.optional(z.boolean().check(z.describe('Keeps every endpoint from using it.'))),
  baseUrl: z.optional(
    z
      .string()
      .check(
        z.maxLength(2_000),
        z.regex(/^https?:\/\/[^\s@]+$/),
        z.describe("Where it may be sent, up to and including the version segment. Default: the provider's address."),
      ),
  ),
  headers: z.optional(
    z
      .record(
        z.string().check(z.maxLength(200), z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/)),
        z.string().check(z.maxLength(8_192), z.regex(/^[\x20-\x7e]*$/)),
      )
      .check(z.describe('Extra headers of outgoing requests. Kept encrypted, and never shown again.')),
  ),
};

const modelName = z
  .string()
  .check(
    z.regex(/^[^\s\p{C}][^\p{C}]{0,199}$/u),
    isNoId,
    z.regex(/^[^*]*(\*[^*]*){0,4}$/),
    z.describe('The name callers use, never changed. May hold `*`. One of the configuration file is taken.'),
  );
const endpoints = z
  .array(z.union([text('provider/model'), storedEndpointSchema]))
  .check(z.minLength(1), z.maxLength(100), z.describe('What can serve it.'));
const model = {
  description,
  isBlocked: z.optional(z.boolean().check(z.describe('Takes it out of service.'))),
  fallbacks: z.optional(fallbacksSchema.check(z.describe('Models to try, in order, when all endpoints failed.'))),
  retries: z.optional(retriesSchema),
};

/** What a request to create each kind holds. */
export const createSchemas = {
  organisation: z.strictObject({ name, ...marked }),
  team: z.strictObject({ name, organisationId: z.optional(reference('organisation')), ...marked, tags: teamTags }),
  user: z.strictObject({ name, organisationId: z.optional(reference('organisation')), ...level, email }),
  'service-account': z.strictObject({
    name,
    organisationId: z.optional(reference('organisation')),
    teamId: z.optional(reference('team')),
    ...level,
  }),
  project: z.strictObject({
    name,
    organisationId: z.optional(reference('organisation')),
    teamId: z.optional(reference('team')),
    ...marked,
  }),
  membership: z.strictObject({
    userId: reference('user'),
    organisationId: z.optional(reference('organisation')),
    teamId: z.optional(reference('team')),
    role: z.enum(roles),
    ...charged,
  }),
  'model-group': z.strictObject({
    name,
    organisationId: z.optional(reference('organisation')),
    description,
    models: patterns('Names of models'),
  }),
  key: z.strictObject({
    name,
    organisationId: z.optional(reference('organisation')),
    teamId: z.optional(reference('team')),
    projectId: z.optional(reference('project')),
    userId: z.optional(reference('user')),
    serviceAccountId: z.optional(reference('service account')),
    ...marked,
    tags,
    adminScopes: grants,
    key: z.optional(ownKey),
    sha256: z.optional(sha256),
  }),
  credential: z.strictObject({
    name,
    provider: text('The id of the provider it is for. Never changed.'),
    organisationId: z.optional(reference('organisation')),
    teamId: z.optional(reference('team')),
    projectId: z.optional(reference('project')),
    userId: z.optional(reference('user')),
    serviceAccountId: z.optional(reference('service account')),
    keyId: z.optional(reference('key')),
    secret,
    ...credential,
  }),
  'end-user': z.strictObject({ name: foreignName('The end user, as requests name them'), ...endUser }),
  tag: z.strictObject({ name: foreignName('The tag, as keys and requests have it'), description, ...charged }),
  budget: z.strictObject({
    name,
    organisationId: z.optional(reference('organisation')),
    teamId: z.optional(reference('team')),
    description,
    ...rules,
  }),
  model: z.strictObject({ name: modelName, endpoints, ...model }),
} as const satisfies Record<EntityKind, z.ZodMiniType>;

/** What a request to change each kind holds. What is given replaces, `null` takes away, what is absent stays. */
export const updateSchemas = {
  organisation: changes({ ...marked }),
  team: changes({ ...marked, tags: teamTags }),
  user: changes({ ...level, email }),
  'service-account': changes({ ...level }),
  project: changes({ ...marked }),
  membership: z.strictObject({
    role: z.optional(z.enum(roles)),
    budgets: z.nullish(charged.budgets.def.innerType),
    limits: z.nullish(charged.limits.def.innerType),
    budgetIds: z.nullish(charged.budgetIds.def.innerType),
  }),
  'model-group': changes({ description, models: z.optional(patterns('Names of models')) }),
  key: changes({ ...marked, tags, adminScopes: grants }),
  credential: z.extend(changes({ ...credential }), { secret: z.optional(secret) }),
  'end-user': changes(endUser),
  tag: changes({ description, ...charged }),
  budget: changes({ description, ...rules }),
  model: z.extend(changes({ ...model }), { endpoints: z.optional(endpoints) }),
} as const satisfies Record<EntityKind, z.ZodMiniType>;

function changes<T extends Record<string, z.ZodMiniOptional>>(shape: T) {
  const fields = Object.entries(shape).map(([field, schema]) => [field, z.nullish(schema.def.innerType)]);
  return z.strictObject(Object.fromEntries(fields) as Record<string, z.ZodMiniType>);
}

const graceMs = (description: string) =>
  z.optional(z.int().check(z.minimum(0), z.maximum(90 * 86_400_000), z.describe(description)));

export const rotateCredentialSchema = z.strictObject({
  secret,
  graceMs: graceMs('How long the previous secret is tried where the provider refuses the new one. Default 0.'),
});

export const rotateSchema = z.strictObject({
  graceMs: graceMs('How long the previous key is accepted besides. Default 0.'),
  key: z.optional(ownKey),
  sha256: z.optional(sha256),
});

const id = z.string().check(z.describe('Sorts by creation.'));
const optionalId = z.optional(z.string());
const common = { id, version: z.int(), createdAtMs: z.int(), updatedAtMs: z.int() };
const chargedView = {
  ...charged,
  budgetsCountFromMs: z.optional(timeMs('What was spent before counts under none of its budgets')),
};
const creditsView = z
  .object({ sinceMs: z.int(), toppedUpNanoUsd: z.string(), grantedNanoUsd: z.string() })
  .check(z.describe('What was paid in: docs/budgets.md.'));
const levelView = {
  ...common,
  credits: z.optional(creditsView),
  name: z.string(),
  displayName,
  description,
  metadata,
  isBlocked: z.boolean(),
  policy: policySchema,
  ...chargedView,
};

const markedView = { ...levelView, markups: marked.markups };

/** How each kind is shown. */
export const viewSchemas = {
  organisation: z.object(markedView),
  team: z.object({ ...markedView, organisationId: optionalId, tags: teamTags }),
  user: z.object({ ...levelView, organisationId: optionalId, email }),
  'service-account': z.object({ ...levelView, organisationId: optionalId, teamId: optionalId }),
  project: z.object({ ...markedView, organisationId: optionalId, teamId: optionalId }),
  membership: z.object({
    ...common,
    userId: z.string(),
    organisationId: optionalId,
    teamId: optionalId,
    role: z.enum(roles),
    ...chargedView,
  }),
  'model-group': z.object({
    ...common,
    name: z.string(),
    description,
    organisationId: optionalId,
    models: z.array(z.string()),
  }),
  key: z.object({
    ...markedView,
    organisationId: optionalId,
    teamId: optionalId,
    projectId: optionalId,
    userId: optionalId,
    serviceAccountId: optionalId,
    tags: z.array(z.string()),
    adminScopes: z.array(z.enum(adminScopes)),
    source: z.enum(['generated', 'custom', 'imported']),
    hint: z.optional(z.string().check(z.describe('First and last characters of the key.'))),
    issuer: z.optional(z.string().check(z.describe('Of a key made with a token: whose policy holds for it too.'))),
    previousUntilMs: z.optional(timeMs('Until when the previous key is accepted')),
    key: z.optional(z.string().check(z.describe('The key itself: in the answer that made it, and never again.'))),
  }),
  credential: z.object({
    ...common,
    name: z.string(),
    description,
    isBlocked: z.boolean(),
    organisationId: optionalId,
    teamId: optionalId,
    projectId: optionalId,
    userId: optionalId,
    serviceAccountId: optionalId,
    keyId: optionalId,
    provider: z.string(),
    baseUrl: z.optional(z.string()),
    headerNames: z.array(z.string()),
    hint: z.string().check(z.describe('The last four characters of the secret, when it is long.')),
    secretVersion: z.int().check(z.describe('Counts the changes of the secret, the headers and the address.')),
    secretChangedAtMs: timeMs('When one of them was changed last'),
    previousUntilMs: z.optional(timeMs('Until when the previous secret is tried where the new one is refused')),
  }),
  'end-user': z.object({ ...levelView, policy: endUserPolicySchema }),
  tag: z.object({ ...common, name: z.string(), description, ...chargedView }),
  budget: z.object({
    ...common,
    name: z.string(),
    description,
    organisationId: optionalId,
    teamId: optionalId,
    ...rules,
  }),
  model: z.object({
    ...common,
    name: z.string(),
    ...model,
    isBlocked: z.boolean(),
    endpoints: z.array(z.union([z.string(), storedEndpointSchema])),
  }),
} as const satisfies Record<EntityKind, z.ZodMiniType>;
