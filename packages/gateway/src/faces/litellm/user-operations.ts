import * as z from 'zod/mini';
import type { LitellmOperation } from './operation.ts';
import { deleteUsers, newUser, updateUser, updateUsers } from './user-actions.ts';
import {
  changedUserFields,
  changedUsersFields,
  newUserFields,
  refusedOfChangedUsers,
  refusedOfUsers,
} from './user-fields.ts';
import { availableRoles, listUsers, userAlone, userInfo } from './user-reading.ts';

const ids = z.array(z.string().check(z.minLength(1), z.maxLength(200))).check(z.minLength(1), z.maxLength(500));
const write = { method: 'POST', scope: 'users:write' } as const;
const read = { method: 'GET', scope: 'users:read' } as const;
const refusedOfMany = { all_users: 'name the users', user_updates: 'say it of each of users' };

export const userOperations: readonly LitellmOperation[] = [
  { ...write, path: '/user/new', body: newUserFields, refused: refusedOfUsers, run: newUser },
  {
    ...write,
    path: '/user/update',
    body: changedUserFields,
    refused: refusedOfChangedUsers,
    isUpdate: true,
    run: updateUser,
  },
  { ...write, path: '/user/bulk_update', body: changedUsersFields, refused: refusedOfMany, run: updateUsers },
  { ...write, path: '/user/delete', body: z.strictObject({ user_ids: ids }), run: deleteUsers },
  { ...read, path: '/user/info', isOwnAllowed: true, query: ['user_id'], run: userInfo },
  { ...read, path: '/v2/user/info', isOwnAllowed: true, query: ['user_id'], run: userAlone },
  {
    ...read,
    path: '/user/list',
    query: ['user_ids', 'role', 'user_email', 'team', 'page', 'page_size', 'sort_by', 'sort_order'],
    run: listUsers,
  },
  { ...read, path: '/user/available_roles', isOwnAllowed: true, run: availableRoles },
];
