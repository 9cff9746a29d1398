import {
  blockCustomers,
  customerInfo,
  deleteCustomers,
  listCustomers,
  newCustomer,
  updateCustomer,
} from './customer-actions.ts';
import { customerFields, namedCustomers, refusedOfCustomers } from './customer-fields.ts';
import type { LitellmOperation } from './operation.ts';

const write = { method: 'POST', scope: 'end-users:write', isGlobal: true, refused: refusedOfCustomers } as const;
const read = { method: 'GET', scope: 'end-users:read', isGlobal: true } as const;

/** At both of the paths LiteLLM has them. */
export const customerOperations: readonly LitellmOperation[] = ['/customer', '/end_user'].flatMap(
  (at): LitellmOperation[] => [
    { ...write, path: `${at}/new`, body: customerFields, run: newCustomer },
    { ...write, path: `${at}/update`, body: customerFields, isUpdate: true, run: updateCustomer },
    { ...write, path: `${at}/delete`, body: namedCustomers, run: deleteCustomers },
    { ...write, path: `${at}/block`, body: namedCustomers, run: (context) => blockCustomers(context, true) },
    { ...write, path: `${at}/unblock`, body: namedCustomers, run: (context) => blockCustomers(context, false) },
    { ...read, path: `${at}/info`, query: ['end_user_id'], run: customerInfo },
    { ...read, path: `${at}/list`, run: listCustomers },
  ],
);
