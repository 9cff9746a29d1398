import type { Fault } from '@turnpike/wire/fault.ts';

/** The names LiteLLM's clients know our fields by. */
const litellmNames: Readonly<Record<string, string>> = {
  name: 'id',
  organisationId: 'organization_id',
  teamId: 'team_id',
  projectId: 'project_id',
  userId: 'user_id',
  adminScopes: 'permissions',
};

/** LiteLLM answers what is there already, or was changed meanwhile, as it answers any wrong request. */
const statuses: Readonly<Record<number, number>> = { 409: 400, 412: 400, 422: 400 };

const types: Readonly<Record<number, string>> = {
  400: 'bad_request_error',
  401: 'auth_error',
  403: 'auth_error',
  404: 'not_found_error',
  405: 'bad_request_error',
  413: 'bad_request_error',
};

/** An error as LiteLLM's management API tells it: the code is the status as text. */
export function litellmRefusal(fault: Fault): Response {
  const status = statuses[fault.status] ?? fault.status;
  const param = fault.param === undefined ? null : (litellmNames[fault.param] ?? fault.param);
  const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  const error = {
    message: fault.message,
    type: types[status] ?? 'internal_server_error',
    param,
    code: String(status),
  };
  return new Response(JSON.stringify({ error }), { status, headers });
}
