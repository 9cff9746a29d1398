import { policySchema } from '../../admin/kind-schemas.ts';
import { checked } from '../../admin/read-request.ts';
import type { StoredPolicy } from '../../identity/entity.ts';
import type { FaceContext } from './operation.ts';

/** LiteLLM's names for every model there is, or that the levels above allow. */
const everything: ReadonlySet<string> = new Set(['all-proxy-models', 'all-team-models', 'all-org-models', '*']);
const NOTHING = 'no-default-models';

/** The policy with `models` as LiteLLM means them: none are all, and names of model groups stand beside models. */
export function withModels(
  { house }: FaceContext,
  policy: StoredPolicy,
  names: readonly string[] | null | undefined,
): StoredPolicy {
  if (names === undefined) return policy;
  const { models: _, modelGroups: __, ...rest } = policy;
  if (names === null || names.length === 0 || names.some((name) => everything.has(name))) return rest;
  const modelGroups = names.filter((name) => house.directory.modelsOfGroup(name) !== undefined);
  const models = names.filter((name) => name !== NOTHING && !modelGroups.includes(name));
  const changed = { ...rest, models, ...(modelGroups.length > 0 && { modelGroups }) };
  checked(policySchema, { models, modelGroups });
  return changed;
}

export function shownModels({ models, modelGroups = [] }: StoredPolicy): readonly string[] {
  if (models === undefined) return modelGroups;
  return models.length + modelGroups.length === 0 ? [NOTHING] : [...models, ...modelGroups];
}
