import * as z from 'zod/mini';
import { deleteModel, newModel, updateModel } from './model-actions.ts';
import { changedModelFields, newModelFields } from './model-fields.ts';
import type { LitellmOperation } from './operation.ts';
import { modelInfo } from './show-deployment.ts';

const write = { scope: 'models:write', isGlobal: true } as const;
const named = z.strictObject({ id: z.string().check(z.minLength(1), z.maxLength(200)) });

/** Models that are kept in the database, deployment by deployment; and what serves each model. */
export const modelOperations: readonly LitellmOperation[] = [
  { ...write, method: 'POST', path: '/model/new', body: newModelFields, run: newModel },
  { ...write, method: 'POST', path: '/model/update', body: changedModelFields, run: updateModel },
  { ...write, method: 'PATCH', path: '/model/{id}/update', body: changedModelFields, run: updateModel },
  { ...write, method: 'POST', path: '/model/delete', body: named, run: deleteModel },
  ...['/model/info', '/v1/model/info', '/v2/model/info'].map(
    (path): LitellmOperation => ({
      method: 'GET',
      path,
      scope: 'models:read',
      isOwnAllowed: true,
      query: ['litellm_model_id', 'model'],
      run: modelInfo,
    }),
  ),
];
