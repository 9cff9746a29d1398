import { Fault } from '@turnpike/wire/fault.ts';
import type { Exchange } from '../exchange.ts';
import { allowsOperation } from '../identity/effective-policy.ts';
import type { Caller } from '../policy/caller.ts';
import type { Services } from './services.ts';

/**
 * Finds out who calls, and whether they may do this kind of thing at all.
 *
 * @throws Fault as `KeyTable.identify`, and `operation_forbidden`.
 */
export function identifyCaller(services: Services, { request, address, operation }: Exchange): Caller {
  const caller = services.keys.identify(request.headers, address);
  if (allowsOperation(caller.policy, operation)) return caller;
  throw new Fault('operation_forbidden', { message: `The key "${caller.name}" may not use "${operation}".` });
}
