import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { findKey } from './find-key.ts';
import { KeyTokens } from './key-tokens.ts';
import { numberOfNanoUsd } from './money.ts';
import { type FaceContext, ok } from './operation.ts';
import { dateOf, daysOf, entriesAsked, nameIn } from './spend-ask.ts';

interface Part {
  readonly model: string;
  readonly api_key: string;
  nanoUsd: bigint;
  inputTokens: number;
  outputTokens: number;
}

/** `/global/spend/report`: by day and team or customer, or by key: all keys, one, or those of a user. */
export function spendReport(context: FaceContext): Promise<AdminAnswer> {
  const { group_by = 'team', api_key, internal_user_id, team_id, customer_id } = context.query;
  if (!['team', 'customer', 'api_key'].includes(group_by)) {
    throw new AdminFault('body_invalid', { param: 'group_by', message: 'group_by must be team, customer or api_key.' });
  }
  if (api_key || internal_user_id || group_by === 'api_key') return byKey(context);
  if (group_by === 'customer' || customer_id) return byDay(context, 'customers', 'customer', customerOf);
  const { directory } = context.house;
  return byDay(context, 'teams', 'team_name', (entry) => {
    const name = nameIn(entry, 'team');
    if (team_id && name !== team_id) return undefined;
    if (name === undefined) return 'Unassigned Team';
    return directory.level('team', name)?.body.displayName ?? name;
  });

  function customerOf(entry: LedgerEntry): string | undefined {
    const name = nameIn(entry, 'end-user');
    return customer_id && name !== customer_id ? undefined : (name ?? 'Unassigned Customer');
  }
}

async function byDay(
  context: FaceContext,
  list: string,
  field: string,
  groupOf: (entry: LedgerEntry) => string | undefined,
): Promise<AdminAnswer> {
  const keys = new KeyTokens(context);
  const days = new Map<string, Map<string, Map<string, Part>>>();
  for await (const entry of entriesAsked(context, daysOf(context), [])) {
    const group = groupOf(entry);
    if (group === undefined) continue;
    const day = at(days, dateOf(entry.atMs), () => new Map<string, Map<string, Part>>());
    count(
      at(day, group, () => new Map<string, Part>()),
      entry,
      keys,
    );
  }
  return ok(
    [...days].map(([date, groups]) => ({
      group_by_day: `${date}T00:00:00+00:00`,
      [list]: [...groups].map(([name, parts]) => ({
        [field]: name,
        total_spend: numberOfNanoUsd(total([...parts.values()])),
        metadata: [...parts.values()].map(({ model, api_key, nanoUsd, inputTokens, outputTokens }) => ({
          model,
          spend: numberOfNanoUsd(nanoUsd),
          total_tokens: inputTokens + outputTokens,
          api_key,
        })),
      })),
    })),
  );
}

async function byKey(context: FaceContext): Promise<AdminAnswer> {
  const { api_key, internal_user_id } = context.query;
  const scopes: string[] = [];
  if (api_key) scopes.push(`key:${(await findKey(context, api_key)).name}`);
  if (internal_user_id) scopes.push(`user:${internal_user_id}`);
  const keys = new KeyTokens(context);
  const byKeys = new Map<string, Map<string, Part>>();
  for await (const entry of entriesAsked(context, daysOf(context), scopes)) {
    count(
      at(byKeys, keys.tokenOf(nameIn(entry, 'key')), () => new Map<string, Part>()),
      entry,
      keys,
    );
  }
  return ok(
    [...byKeys].map(([key, parts]) => {
      const all = [...parts.values()];
      return {
        api_key: key,
        total_cost: numberOfNanoUsd(total(all)),
        total_input_tokens: all.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
        total_output_tokens: all.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
        model_details: all.map(({ model, nanoUsd, inputTokens, outputTokens }) => ({
          model,
          total_cost: numberOfNanoUsd(nanoUsd),
          total_input_tokens: inputTokens,
          total_output_tokens: outputTokens,
        })),
      };
    }),
  );
}

/** Adds an entry to what its key and its model spent. */
function count(parts: Map<string, Part>, entry: LedgerEntry, keys: KeyTokens): void {
  const api_key = keys.tokenOf(nameIn(entry, 'key'));
  const model = entry.model ?? '';
  const part = at(parts, `${model}\n${api_key}`, () => ({
    model,
    api_key,
    nanoUsd: 0n,
    inputTokens: 0,
    outputTokens: 0,
  }));
  part.nanoUsd += entry.costNanoUsd ?? 0n;
  part.inputTokens += entry.usage.inputTokens ?? 0;
  part.outputTokens += entry.usage.outputTokens ?? 0;
}

function total(parts: readonly Part[]): bigint {
  return parts.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0n);
}

function at<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
