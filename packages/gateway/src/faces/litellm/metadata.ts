import { isEmpty, refusedField } from './read-fields.ts';

/** What LiteLLM lets metadata do, and nothing does here. */
const refused: Readonly<Record<string, string>> = {
  guardrails: 'keys choose no guardrails here',
  disable_global_guardrails: 'keys choose no guardrails here',
  policies: 'keys choose no guardrails here',
  prompts: 'no prompts are kept',
  logging: 'calls are logged in one way for all keys',
  enforced_params: 'parameters of requests are not demanded by key',
  model_rpm_limit: 'give model_rpm_limit beside metadata',
  model_tpm_limit: 'give model_tpm_limit beside metadata',
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
