import * as z from 'zod/mini';
import type { AdminAnswer, AdminContext } from '../../admin/admin-context.ts';
import { dollars } from '../dollars.ts';
import type { FaceOperation } from '../face-operation.ts';
import { purseOf } from '../standing.ts';
import { isoOf, keyFigures } from './key-figures.ts';

const nothing = z.strictObject({});

/** What a key may ask about itself. */
export const accountOperations: readonly FaceOperation[] = [
  { method: 'GET', path: '/api/v1/key', access: 'caller', query: nothing, run: showOwnKey },
  // Its name before it was `/key`; clients still ask here.
  { method: 'GET', path: '/api/v1/auth/key', access: 'caller', query: nothing, run: showOwnKey },
  { method: 'GET', path: '/api/v1/credits', access: 'caller', query: nothing, run: showCredits },
];

async function showOwnKey({ house, caller }: AdminContext): Promise<AdminAnswer> {
  const figures = await keyFigures(house, [caller.name]);
  const entity = house.directory.byId(caller.id);
  const isManagement = caller.admin !== undefined && caller.admin.scopes.length > 0;
  return {
    status: 200,
    body: {
      data: {
        label: entity?.body.hint ?? caller.name,
        ...figures.get(caller.name),
        is_free_tier: false,
        is_management_key: isManagement,
        is_provisioning_key: isManagement,
        creator_user_id: entity?.userId ?? null,
        expires_at: isoOf(caller.policy.expiresAtMs),
        rate_limit: { requests: -1, interval: '10s', note: 'Says nothing: limits are told in headers of answers.' },
      },
    },
  };
}

async function showCredits(context: AdminContext): Promise<AdminAnswer> {
  const { givenNanoUsd, usedNanoUsd } = await purseOf(context);
  return {
    status: 200,
    body: { data: { total_credits: dollars(givenNanoUsd), total_usage: dollars(usedNanoUsd) } },
  };
}
