import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { type EntityChange, makeChanges } from '../../admin/change.ts';
import { changeable, planChange, planCreate, withFields } from '../../admin/entity-actions.ts';
import type { EndpointEntry } from '../../config/endpoint-schema.ts';
import type { Entity } from '../../identity/entity.ts';
import { type Deployment, deploymentOf } from './deployment.ts';
import { required, requireScope } from './find-entity.ts';
import type { ChangedModelFields, ModelParams, NewModelFields } from './model-fields.ts';
import type { FaceContext } from './operation.ts';
import { refusedField } from './read-fields.ts';
import { shownDeployment } from './show-deployment.ts';

const NOWHERE: ReadonlySet<string> = new Set();

/** `/model/new`: a deployment of a model, which is made with its first. An `api_key` is kept as a credential, encrypted. */
export function newModel(context: FaceContext): Promise<AdminAnswer> {
  const { model_name, litellm_params, model_info } = context.body as NewModelFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const id = model_info?.id || crypto.randomUUID();
    const isConfigured = context.house.snapshot().endpoints.some((endpoint) => endpoint.id === id);
    if (isConfigured || deploymentWith(context, id) !== undefined) {
      throw new AdminFault('record_conflict', {
        param: 'model_info.id',
        message: `There is a deployment "${id}" already.`,
      });
    }
    const deployment = deploymentOf(id, litellm_params, model_info?.base_model ?? undefined);
    const { endpoint, changes } = await withCredential(context, id, deployment);
    const own = { ...context, drafted: changes.flatMap(({ after }) => after ?? []) };
    const change = await planEndpoint(own, model_name, endpoint, litellm_params.max_retries ?? undefined);
    return { entities: [...changes, change], status: 200, body: shownDeployment(model_name, endpoint) };
  });
}

/** `/model/update`, `/model/{id}/update`: what is given replaces, the rest stays. */
export function updateModel(context: FaceContext): Promise<AdminAnswer> {
  const { model_name, litellm_params, model_info } = context.body as ChangedModelFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const id = required('model_info.id', context.id || model_info?.id);
    const found = foundDeployment(context, id);
    if (model_name && model_name !== found.model.name) {
      throw refusedField('model_name', 'a deployment stays with its model; make another by /model/new');
    }
    const params = { ...litellm_params, model: litellm_params?.model || named(found.endpoint) } as ModelParams;
    const given = deploymentOf(id, params, model_info?.base_model ?? undefined);
    const merged = { ...given, endpoint: { ...found.endpoint, ...given.endpoint } };
    const { endpoint, changes } = await withCredential(context, id, merged);
    const own = { ...context, id: found.model.id, drafted: changes.flatMap(({ after }) => after ?? []) };
    const change = await planModel(own, (endpoints) => endpoints.map((each) => (idOf(each) === id ? endpoint : each)));
    return { entities: [...changes, change], status: 200, body: shownDeployment(found.model.name, endpoint) };
  });
}

/** `/model/delete`: a deployment, its credential, and the model with its last. */
export function deleteModel(context: FaceContext): Promise<AdminAnswer> {
  const { id } = context.body as { id: string };
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const { model } = foundDeployment(context, id);
    const own = { ...context, id: model.id };
    const isLast = (model.body.endpoints ?? []).length === 1;
    const entities: EntityChange[] = [
      isLast
        ? { action: 'models.delete', before: await changeable(own, 'model'), after: undefined }
        : await planModel(own, (endpoints) => endpoints.filter((each) => idOf(each) !== id)),
    ];
    const credential = ownCredential(context, id);
    if (credential !== undefined) {
      requireScope(context, 'credentials:write');
      const before = await changeable({ ...context, id: credential.id }, 'credential');
      entities.push({ action: 'credentials.delete', before, after: undefined });
    }
    return { entities, status: 200, body: { message: `Model: ${id} deleted successfully` } };
  });
}

/** The endpoint with the name of a credential in place of the secret, and what keeps that. */
async function withCredential(
  context: FaceContext,
  id: string,
  { endpoint, secret, baseUrl }: Deployment,
): Promise<{ endpoint: EndpointEntry; changes: EntityChange[] }> {
  if (secret === undefined) return { endpoint, changes: [] };
  requireScope(context, 'credentials:write');
  const known = ownCredential(context, id);
  const body = { secret, ...(baseUrl !== undefined && { baseUrl }) };
  const name = credentialName(id);
  const change =
    known === undefined
      ? await planCreate(
          { ...context, body: { ...body, name, provider: endpoint.provider } },
          'credential',
          'credentials',
          NOWHERE,
        )
      : await planChange({ ...context, id: known.id }, 'credential', 'credentials.update', (before) =>
          withFields({ ...context, body }, before),
        );
  return { endpoint: { ...endpoint, credential: name }, changes: [change] };
}

async function planEndpoint(
  context: FaceContext,
  modelName: string,
  endpoint: EndpointEntry,
  retries: number | undefined,
): Promise<EntityChange> {
  const model = context.house.directory.ofKind('model').find(({ name }) => name === modelName);
  if (model !== undefined) return planModel({ ...context, id: model.id }, (endpoints) => [...endpoints, endpoint]);
  const body = { name: modelName, endpoints: [endpoint], ...(retries !== undefined && { retries }) };
  return planCreate({ ...context, body }, 'model', 'models', NOWHERE);
}

type Endpoints = readonly (string | EndpointEntry)[];

function planModel(context: FaceContext, edit: (endpoints: Endpoints) => Endpoints) {
  return planChange(context, 'model', 'models.update', (before) => {
    const body = { endpoints: edit(before.body.endpoints ?? []) };
    return withFields({ ...context, body }, before);
  });
}

/** @throws AdminFault `record_unknown` */
function foundDeployment(context: FaceContext, id: string) {
  const found = deploymentWith(context, id);
  if (found !== undefined) return found;
  throw new AdminFault('record_unknown', {
    param: 'model_info.id',
    message: `There is no deployment "${id}" in the database.`,
  });
}

function deploymentWith({ house }: FaceContext, id: string): { model: Entity; endpoint: EndpointEntry } | undefined {
  for (const model of house.directory.ofKind('model')) {
    for (const endpoint of model.body.endpoints ?? []) {
      if (typeof endpoint !== 'string' && endpoint.id === id) return { model, endpoint };
    }
  }
  return undefined;
}

/** The credential that was made with the deployment. */
function ownCredential({ house }: FaceContext, id: string): Entity | undefined {
  return house.directory.ofKind('credential').find(({ name }) => name === credentialName(id));
}

function credentialName(id: string): string {
  return `model-${id}`.replaceAll(/[^A-Za-z0-9._@+-]/g, '-').slice(0, 100);
}

function idOf(endpoint: string | EndpointEntry): string | undefined {
  return typeof endpoint === 'string' ? endpoint : endpoint.id;
}

function named({ provider, model }: EndpointEntry): string {
  return `${provider}/${model}`;
}
