import type { Usage } from '@turnpike/wire/canon/usage.ts';
import { readUsage } from '@turnpike/wire/dialects/openai-chat/usage.ts';
import { isObject, type Json } from '@turnpike/wire/json/value.ts';
import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import type { Entity } from '../../identity/entity.ts';
import { costOf } from '../../ledger/cost.ts';
import { visible } from './find-entity.ts';
import { numberOfNanoUsd } from './money.ts';
import { type FaceContext, ok } from './operation.ts';
import { refusedField } from './read-fields.ts';
import { shownKey } from './show-key.ts';
import { shownUser } from './show-user.ts';
import { ledgerScope } from './spend-now.ts';

/** Bytes of JSON that make one token, roughly. */
const BYTES_PER_TOKEN = 4;

/** `/spend/keys`: what each ever spent, the most first. */
export async function keySpend(context: FaceContext): Promise<AdminAnswer> {
  const all = await withSpend(context, visible(context, 'key'));
  return ok(all.map(([key, spend]) => ({ ...shownKey(context, key), spend })));
}

/** `/spend/users` */
export async function userSpend(context: FaceContext): Promise<AdminAnswer> {
  const { user_id } = context.query;
  const users = visible(context, 'user').filter(({ name }) => !user_id || name === user_id);
  const all = await withSpend(context, users);
  return ok(await Promise.all(all.map(async ([user, spend]) => ({ ...(await shownUser(context, user)), spend }))));
}

async function withSpend(context: FaceContext, entities: readonly Entity[]): Promise<[Entity, number][]> {
  const { house } = context;
  await house.follow.catchUp();
  await house.flushLogs();
  const spent = await house.store.spendByDays(entities.map(ledgerScope), [0]);
  const nanoOf = (entity: Entity) => spent.get(ledgerScope(entity))?.[0] ?? 0n;
  return entities
    .map((entity): [Entity, bigint] => [entity, nanoOf(entity)])
    .sort(([, a], [, b]) => (a > b ? -1 : a < b ? 1 : 0))
    .map(([entity, nanoUsd]) => [entity, numberOfNanoUsd(nanoUsd)]);
}

export interface CalculateFields {
  readonly model?: string | null | undefined;
  readonly messages?: readonly unknown[] | null | undefined;
  readonly completion_response?: Json | undefined;
}

/** `/spend/calculate`: what an answer costs, or what its prompt would, by an estimate of its tokens. */
export function calculateSpend(context: FaceContext): AdminAnswer {
  const { model, messages, completion_response: answer } = context.body as CalculateFields;
  const usage = usageOf(messages, answer);
  const answered = isObject(answer) && typeof answer.model === 'string' ? answer.model : undefined;
  const name = model ?? answered;
  if (!name) throw new AdminFault('body_invalid', { param: 'model', message: 'Say which model.' });
  const [endpoint] = context.house.snapshot().resolveModel(name)?.endpoints ?? [];
  const cost = costOf(usage, endpoint?.price);
  if (cost !== undefined) return ok({ cost: numberOfNanoUsd(cost.nanoUsd) });
  throw new AdminFault('body_invalid', { param: 'model', message: `No price is known of the model "${name}".` });
}

function usageOf(messages: readonly unknown[] | null | undefined, answer: Json | undefined): Usage {
  if (isObject(answer)) {
    if (isObject(answer.usage)) return readUsage(answer.usage);
    throw refusedField('completion_response', 'it has no usage');
  }
  if (!messages)
    throw new AdminFault('body_invalid', { param: 'messages', message: 'Give messages or completion_response.' });
  const bytes = new TextEncoder().encode(JSON.stringify(messages)).length;
  return { inputTokens: Math.ceil(bytes / BYTES_PER_TOKEN), outputTokens: 0 };
}
