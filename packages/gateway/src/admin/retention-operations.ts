import * as z from 'zod/mini';
import type { RetentionRun } from '../ledger/retention.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { commitAudited } from './change.ts';
import type { AdminOperation } from './operation.ts';

const runView = z.object({
  isDryRun: z.boolean(),
  startedAtMs: z.int(),
  endedAtMs: z.nullable(z.int()).check(z.describe('null while it runs.')),
  exchangesBeforeMs: z.nullable(z.int()).check(z.describe('Older exchanges go; null when they are kept for ever.')),
  ledgerBeforeMs: z.nullable(z.int()).check(z.describe('Older attempts go; null when they are kept for ever.')),
  exchanges: z.int().check(z.describe('Deleted, or to be deleted, from the log of exchanges.')),
  ledgerEntries: z.int().check(z.describe('Deleted, or to be deleted, from the ledger.')),
  hoursKept: z.int().check(z.describe('Hours of which entries stay, since a budget in force needs them.')),
  trouble: z.nullable(z.string()),
});
const days = z.nullable(z.int());

/** What is deleted when it is old. */
export const retentionOperations: readonly AdminOperation[] = [
  {
    id: 'getRetention',
    method: 'GET',
    path: '/retention',
    scope: 'ledger:read',
    isGlobal: true,
    summary:
      'Show for how long exchanges and entries are kept, and the latest run that deleted older ones, of any process.',
    status: 200,
    answer: z.object({ exchangeLogDays: days, ledgerDays: days, latest: z.nullable(runView) }),
    run: async ({ house }) => {
      const { exchangeLogDays = null, ledgerDays = null } = house.configuration().retention;
      const latest = await house.retention.latest();
      return {
        status: 200,
        body: { exchangeLogDays, ledgerDays, latest: latest === undefined ? null : viewOf(latest) },
      };
    },
  },
  {
    id: 'runRetention',
    method: 'POST',
    path: '/retention/runs',
    scope: 'ledger:write',
    isGlobal: true,
    summary: 'Delete what is older than it is kept, now; GET /retention tells how far it is.',
    body: z.strictObject({
      dryRun: z.optional(z.boolean().check(z.describe('Count what would go, and delete nothing.'))),
    }),
    status: 202,
    answer: runView,
    run: runRetention,
  },
];

async function runRetention(context: AdminContext): Promise<AdminAnswer> {
  const { house, body } = context;
  const { exchangeLogDays, ledgerDays } = house.configuration().retention;
  if (exchangeLogDays === undefined && ledgerDays === undefined) {
    throw new AdminFault('record_conflict', {
      message: 'Everything is kept for ever.',
      hint: 'Say in turnpike.yaml for how long: retention.exchangeLogDays, retention.ledgerDays.',
    });
  }
  const isDryRun = body.dryRun === true;
  const busy = house.retention.underWay;
  if (busy !== undefined && busy.isDryRun !== isDryRun) {
    throw new AdminFault('record_conflict', {
      message: `A ${busy.isDryRun ? 'dry run' : 'run'} is under way.`,
      hint: 'Wait for its end, which GET /retention tells.',
    });
  }
  if (isDryRun) return { status: 202, body: viewOf(house.retention.begin(true)) };
  const settings = { exchangeLogDays: exchangeLogDays ?? null, ledgerDays: ledgerDays ?? null };
  const audited = await commitAudited(context, async () => ({
    action: 'retention.run',
    kind: 'retention',
    entityId: 'retention',
    before: undefined,
    after: settings,
    puts: [],
    deletes: [],
    entries: [],
    status: 202,
    body: {},
  }));
  return { ...audited, body: viewOf(house.retention.begin(false)) };
}

function viewOf(run: RetentionRun): z.infer<typeof runView> {
  return {
    ...run,
    endedAtMs: run.endedAtMs ?? null,
    exchangesBeforeMs: run.exchangesBeforeMs ?? null,
    ledgerBeforeMs: run.ledgerBeforeMs ?? null,
    trouble: run.trouble ?? null,
  };
}
