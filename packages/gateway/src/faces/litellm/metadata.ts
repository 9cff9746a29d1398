import * as z from 'zod/mini';
import { checked } from '../../admin/read-request.ts';
import { isEmpty, refusedField } from './read-fields.ts';
import { modelRuleFields } from './rule-schemas.ts';

interface MetadataFields {
  readonly metadata?: Readonly<Record<string, unknown>> | null | undefined;
}

const limitsSchema = z.strictObject({
  model_rpm_limit: modelRuleFields.model_rpm_limit,
  model_tpm_limit: modelRuleFields.model_tpm_limit,
});

/** What LiteLLM lets metadata do, and nothing does here. */
const refused: Readonly<Record<string, string>> = {
  guardrails: 'keys choose no guardrails here',
  disable_global_guardrails: 'keys choose no guardrails here',
  policies: 'keys choose no guardrails here',
  prompts: 'no prompts are kept',
  logging: 'calls are logged in one way for all keys',
  enforced_params: 'parameters of requests are not demanded by key',
  temp_budget_increase: 'give temp_budget_increase beside metadata',
};

/** Metadata but for its `tags`, which keys and teams are tagged by. @throws AdminFault `body_invalid` */
export function readMetadata(
  metadata: Readonly<Record<string, unknown>> | null | undefined,
  isTagged: boolean,
): { metadata: Readonly<Record<string, unknown>> | undefined; tags: readonly string[] | undefined } {
  if (metadata === null || metadata === undefined) return { metadata: undefined, tags: undefined };
  for (const [field, value] of Object.entries(metadata)) {
    const reason = refused[field];
    const isSomething = value !== null && value !== false && Object.keys(Object(value)).length > 0;
    if (reason !== undefined && (isSomething || typeof value === 'number')) {
      throw refusedField(`metadata.${field}`, reason);
    }
  }
  const { tags, ...rest } = metadata;
  if (!isTagged && !isEmpty(tags)) throw refusedField('metadata.tags', 'keys, teams and requests have tags');
  if (tags === undefined || tags === null) return { metadata: rest, tags: undefined };
  const texts = Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string' && tag !== '') : [];
  if (!Array.isArray(tags) || texts.length !== tags.length) {
    throw refusedField('metadata.tags', 'it must be a list of texts');
  }
  return { metadata: rest, tags: texts };
}

/** Limits of models may stand in metadata too: the same fields with those beside it. @throws AdminFault `body_invalid` */
export function withLimitsBeside<T extends MetadataFields>(fields: T): T {
  const { model_rpm_limit, model_tpm_limit, ...rest } = fields.metadata ?? {};
  const inside = Object.fromEntries(
    Object.entries({ model_rpm_limit, model_tpm_limit }).filter(([, value]) => value !== undefined && value !== null),
  );
  if (Object.keys(inside).length === 0) return fields;
  return { ...fields, ...(checked(limitsSchema, inside) as object), metadata: rest };
}
