import { isConfiguredModel, readStoredModel } from '../config/stored-models.ts';
import type { Entity } from '../identity/entity.ts';
import { storedModelOf } from '../identity/model-shelf.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';

/**
 * A name that is not one of the configuration file's groups of models.
 *
 * @throws AdminFault `record_conflict`
 */
export function requireOwnGroup({ house }: AdminContext, { name }: Entity): void {
  if (!house.configuration().modelGroups.has(name)) return;
  throw new AdminFault('record_conflict', {
    param: 'name',
    message: `There is a group "${name}" already, in the configuration.`,
    hint: 'Take it out there first: the configuration holds.',
  });
}

/**
 * A model that is stored can be put in force as it stands.
 *
 * @throws AdminFault `record_conflict` for a name of the configuration file; `body_invalid` for an unknown provider or
 *   credential, or parts that do not go together.
 */
export function requireServable({ house, drafted = [] }: AdminContext, entity: Entity, isNew: boolean): void {
  const configuration = house.configuration();
  if (isNew && isConfiguredModel(configuration, entity.name)) {
    throw new AdminFault('record_conflict', {
      param: 'name',
      message: `There is a model "${entity.name}" already, in the configuration.`,
      hint: 'Take it out there first: the configuration holds.',
    });
  }
  const { model, problems } = readStoredModel(storedModelOf(entity), configuration);
  const [problem] = problems;
  if (problem !== undefined) {
    const { path, message, hint } = problem;
    throw new AdminFault('body_invalid', { param: path, message: `${path}: ${message}.`, ...(hint && { hint }) });
  }
  for (const [at, { credential }] of model.endpoints.entries()) {
    if (credential === undefined || house.vault.has(credential)) continue;
    if (drafted.some(({ kind, name }) => kind === 'credential' && name === credential)) continue;
    const param = `endpoints[${at}].credential`;
    throw new AdminFault('body_invalid', { param, message: `There is no shared credential "${credential}".` });
  }
}
