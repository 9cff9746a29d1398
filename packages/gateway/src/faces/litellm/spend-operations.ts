import * as z from 'zod/mini';
import { dailyActivity } from './daily-activity.ts';
import {
  globalActivity,
  globalBy,
  globalDays,
  globalKeys,
  globalSpend,
  globalTags,
  globalTeams,
  resetSpend,
  tagNames,
  tagSpend,
} from './global-spend.ts';
import type { LitellmOperation } from './operation.ts';
import { calculateSpend, keySpend, userSpend } from './spend-lists.ts';
import { spendLogs } from './spend-logs.ts';
import { spendReport } from './spend-report.ts';

const read = { method: 'GET', scope: 'ledger:read' } as const;
const global = { ...read, isGlobal: true } as const;
const days = ['start_date', 'end_date'] as const;
const limited = { ...global, query: [...days, 'limit'] } as const;

const calculated = z.strictObject({
  model: z.nullish(z.string()),
  messages: z.nullish(z.array(z.json())),
  completion_response: z.nullish(z.record(z.string(), z.json())),
});

/** The kinds days can be told of: what the ledger calls each, and the parameter that names some. */
const daily = [
  ['user', 'user', 'user_id'],
  ['team', 'team', 'team_ids'],
  ['tag', 'tag', 'tags'],
  ['organization', 'organisation', 'organization_ids'],
  ['customer', 'end-user', 'end_user_ids'],
] as const;

/** What was spent, from the ledger. */
export const spendOperations: readonly LitellmOperation[] = [
  {
    ...read,
    path: '/spend/logs',
    isOwnAllowed: true,
    query: [...days, 'api_key', 'user_id', 'request_id', 'summarize'],
    run: spendLogs,
  },
  { ...read, path: '/spend/keys', run: keySpend },
  { ...read, path: '/spend/users', query: ['user_id'], run: userSpend },
  { ...global, path: '/spend/tags', query: [...days], run: tagSpend },
  {
    method: 'POST',
    scope: 'ledger:read',
    isOwnAllowed: true,
    path: '/spend/calculate',
    body: calculated,
    run: calculateSpend,
  },
  { ...global, path: '/global/spend', run: globalSpend },
  { ...global, path: '/global/spend/logs', run: globalDays },
  { ...global, path: '/global/spend/keys', query: ['limit'], run: globalKeys },
  { ...limited, path: '/global/spend/models', run: (context) => globalBy(context, 'model', 'model', 'total_spend') },
  { ...limited, path: '/global/spend/provider', run: (context) => globalBy(context, 'provider', 'provider', 'spend') },
  {
    ...limited,
    path: '/global/spend/end_users',
    run: (context) => globalBy(context, 'end-user', 'end_user', 'total_spend'),
  },
  { ...global, path: '/global/spend/teams', run: globalTeams },
  { ...global, path: '/global/spend/tags', query: [...days, 'tags'], run: globalTags },
  { ...global, path: '/global/spend/all_tag_names', run: tagNames },
  {
    ...read,
    path: '/global/spend/report',
    query: [...days, 'group_by', 'api_key', 'internal_user_id', 'team_id', 'customer_id'],
    run: spendReport,
  },
  { ...global, path: '/global/activity', query: [...days], run: globalActivity },
  { method: 'POST', scope: 'keys:write', isGlobal: true, path: '/global/spend/reset', run: resetSpend },
  ...daily.map(
    ([at, type, asked]): LitellmOperation => ({
      ...read,
      path: `/${at}/daily/activity`,
      isOwnAllowed: at === 'user',
      query: [...days, asked, 'model', 'api_key', 'page', 'page_size'],
      run: (context) => dailyActivity(context, type, asked),
    }),
  ),
];
