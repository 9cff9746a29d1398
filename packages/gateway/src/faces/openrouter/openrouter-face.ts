import type { Fault } from '@turnpike/wire/fault.ts';
import type { Json } from '@turnpike/wire/json/value.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import type { Face } from '../face-api.ts';
import { accountOperations } from './account.ts';
import { keyOperations } from './keys.ts';
import { usageOperations } from './usage.ts';

/**
 * OpenRouter's management API.
 *
 * @see https://openrouter.ai/docs/api-reference/overview
 */
export const openrouterFace: Face = {
  operations: [...accountOperations, ...keyOperations, ...usageOperations],
  writeFault,
};

/** Fields of the admin API as OpenRouter calls them. */
const NAMES: Readonly<Record<string, string>> = {
  userId: 'creator_user_id',
  organisationId: 'workspace_id',
};

/** OpenRouter's `error.code` is the HTTP status; the code of docs/errors.md stands in the metadata. */
function writeFault(fault: Fault): Json {
  const hint = fault instanceof AdminFault ? fault.hint : undefined;
  const field = fault.param && (NAMES[fault.param] ?? fault.param);
  return {
    error: {
      code: fault.status,
      message: hint === undefined ? fault.message : `${fault.message} ${hint}`,
      metadata: { code: fault.code, ...(field !== undefined && { field }) },
    },
  };
}
