import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { type EntityChange, makeChanges } from '../../admin/change.ts';
import { planChange, planCreate, withFields } from '../../admin/entity-actions.ts';
import type { Entity, EntityBody } from '../../identity/entity.ts';
import type { CustomerFields } from './customer-fields.ts';
import { planCascade } from './delete-cascade.ts';
import { entityName } from './entity-name.ts';
import { findEntity, required, visible } from './find-entity.ts';
import { levelBody } from './level-body.ts';
import { type FaceContext, ok } from './operation.ts';
import { passingCustomer, shownCustomer } from './show-customer.ts';
import { withSpendReset } from './write-rules.ts';

const NOWHERE: ReadonlySet<string> = new Set();
const ID_CHARS_MAX = 256;

/** `/customer/new` */
export function newCustomer(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as CustomerFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const made = await planCustomer(context, fields);
    return { entities: [made], status: 200, body: await shownCustomer(context, made.after) };
  });
}

/** `/customer/update` */
export async function updateCustomer(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as CustomerFields;
  await context.house.flushLogs();
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const { id } = await findEntity(context, 'end-user', fields.user_id);
    const planned = await changed(context, id, 'end-users.update', ({ body }) => customerBody(context, body, fields));
    return { entities: [planned], status: 200, body: await shownCustomer(context, planned.after) };
  });
}

/** `/customer/block` makes customers nobody made, so that they are blocked before they come; `/customer/unblock`. */
export function blockCustomers(context: FaceContext, isBlocked: boolean): Promise<AdminAnswer> {
  const { user_ids } = context.body as { user_ids: string[] };
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const entities: (EntityChange & { after: Entity })[] = [];
    for (const user_id of new Set(user_ids)) {
      const isThere = (await context.house.store.records.entityNamed('end-user', user_id)) !== undefined;
      if (!isThere && isBlocked) {
        entities.push(await planCustomer(context, { user_id, blocked: true }));
        continue;
      }
      const { id } = await findEntity(context, 'end-user', user_id);
      const action = isBlocked ? 'end-users.block' : 'end-users.unblock';
      entities.push(await changed(context, id, action, ({ body }) => ({ ...body, isBlocked })));
    }
    const customers = await Promise.all(entities.map(({ after }) => shownCustomer(context, after)));
    return { entities, status: 200, body: { [isBlocked ? 'blocked_users' : 'unblocked_users']: customers } };
  });
}

/** `/customer/delete` */
export function deleteCustomers(context: FaceContext): Promise<AdminAnswer> {
  const { user_ids } = context.body as { user_ids: string[] };
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const customers: Entity[] = [];
    for (const id of new Set(user_ids)) customers.push(await findEntity(context, 'end-user', id));
    const entities = await planCascade(context, 'end-user', 'end-users', customers);
    const names = customers.map(({ name }) => name);
    return {
      entities,
      status: 200,
      body: { deleted_customers: names.length, message: `Deleted customers: ${names.join(', ')}` },
    };
  });
}

/** `/customer/info`: also of those nobody made, as far as the ledger knows them. */
export async function customerInfo(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  const id = required('end_user_id', context.query.end_user_id);
  const { store } = context.house;
  if (
    (await store.records.entityNamed('end-user', id)) === undefined &&
    (await store.hasLedgerScope(`end-user:${id}`))
  ) {
    return ok(await passingCustomer(context, id));
  }
  return ok(await shownCustomer(context, await findEntity(context, 'end-user', id)));
}

/** `/customer/list` */
export async function listCustomers(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  return ok(await Promise.all(visible(context, 'end-user').map((customer) => shownCustomer(context, customer))));
}

function planCustomer(context: FaceContext, fields: CustomerFields) {
  const name = entityName('user_id', fields.user_id, ID_CHARS_MAX);
  const body = { ...customerBody(context, {}, fields), name };
  return planCreate({ ...context, body }, 'end-user', 'end-users', NOWHERE);
}

function changed(context: FaceContext, id: string, action: string, edit: (before: Entity) => EntityBody) {
  return planChange({ ...context, id }, 'end-user', action, (before) =>
    withFields({ ...context, body: { ...edit(before) } }, { ...before, body: {} }),
  );
}

function customerBody(context: FaceContext, before: EntityBody, fields: CustomerFields): EntityBody {
  const { budget_id, max_budget, spend } = fields;
  if (budget_id && max_budget !== undefined && max_budget !== null) {
    throw new AdminFault('body_invalid', {
      param: 'budget_id',
      message: 'Give budget_id or max_budget, not both.',
    });
  }
  const body = levelBody(context, before, fields.alias, fields);
  return spend === 0 && (before.budgets ?? before.budgetIds) !== undefined ? withSpendReset(body) : body;
}
