import * as z from 'zod/mini';
import {
  blockKey,
  deleteKeys,
  generateKey,
  regenerateKey,
  resetKeySpend,
  updateKey,
  updateKeys,
} from './key-actions.ts';
import { changedKeyFields, newKeyFields, refusedOfKeys, regeneratedKeyFields } from './key-fields.ts';
import { keyHealth, keyInfo, keysInfo, listAliases, listKeys } from './key-reading.ts';
import type { LitellmOperation } from './operation.ts';
import { texts } from './rule-schemas.ts';

const namedKey = z.strictObject({ key: z.string().check(z.minLength(1)) });
const namedKeys = z.strictObject({ keys: texts, key_aliases: texts });
const filters = [
  'page',
  'size',
  'user_id',
  'team_id',
  'organization_id',
  'key_hash',
  'key_alias',
  'substring_matching',
];
const write = { method: 'POST', scope: 'keys:write', refused: refusedOfKeys } as const;
const read = { scope: 'keys:read' } as const;

export const keyOperations: readonly LitellmOperation[] = [
  { ...write, path: '/key/generate', body: newKeyFields, run: generateKey },
  { ...write, path: '/key/update', body: changedKeyFields, isUpdate: true, run: updateKey },
  {
    ...write,
    path: '/key/regenerate',
    body: regeneratedKeyFields,
    isUpdate: true,
    query: ['key'],
    run: regenerateKey,
  },
  { ...write, path: '/key/{id}/regenerate', body: regeneratedKeyFields, isUpdate: true, run: regenerateKey },
  {
    ...write,
    path: '/key/bulk_update',
    body: z.strictObject({ keys: z.array(changedKeyFields).check(z.minLength(1), z.maxLength(500)) }),
    run: updateKeys,
  },
  { ...write, path: '/key/{id}/reset_spend', body: z.strictObject({ reset_to: z.number() }), run: resetKeySpend },
  { ...write, path: '/key/delete', body: namedKeys, run: deleteKeys },
  { ...write, path: '/key/block', body: namedKey, run: (context) => blockKey(context, true) },
  { ...write, path: '/key/unblock', body: namedKey, run: (context) => blockKey(context, false) },
  { ...read, method: 'GET', path: '/key/info', isOwnAllowed: true, query: ['key'], run: keyInfo },
  { ...read, method: 'POST', path: '/v2/key/info', body: namedKeys, run: keysInfo },
  {
    ...read,
    method: 'GET',
    path: '/key/list',
    isOwnAllowed: true,
    query: [...filters, 'return_full_object', 'sort_by', 'sort_order'],
    run: listKeys,
  },
  {
    ...read,
    method: 'GET',
    path: '/key/aliases',
    isOwnAllowed: true,
    query: ['page', 'size', 'search', 'team_id'],
    run: listAliases,
  },
  { ...read, method: 'POST', path: '/key/health', isOwnAllowed: true, run: keyHealth },
];
