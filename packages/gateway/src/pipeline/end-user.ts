import { Fault } from '@turnpike/wire/fault.ts';
import type { Body, Exchange } from '../exchange.ts';
import { allowsOperation, type EffectivePolicy, meetOf } from '../identity/effective-policy.ts';
import { readEndUser } from '../policy/limits/request-facts.ts';
import type { Services } from './services.ts';

/** Whom the exchange is for; undefined when it does not say. Read once, when somebody asks. */
export function endUserOf(exchange: Exchange, { bytes, lens }: Body): string | undefined {
  if (exchange.endUser === undefined) {
    const { header } = exchange.snapshot.endUsers;
    exchange.endUser = { id: readEndUser(bytes, lens, exchange.request.headers, header) };
  }
  return exchange.endUser.id;
}

/**
 * Looks up the end user where any is stored, or has to be, and holds the exchange to the policy of the one it is for.
 *
 * @throws Fault `end_user_blocked`, `end_user_unknown`, `operation_forbidden`
 */
export function admitEndUser({ endUsers }: Services, exchange: Exchange, body: Body): void {
  const { unknown } = exchange.snapshot.endUsers;
  if (endUsers.endUserCount === 0 && unknown === 'allow') return;
  const id = endUserOf(exchange, body);
  if (id === undefined) return;
  const found = endUsers.endUser(id);
  if (found === undefined) {
    if (unknown === 'allow') return;
    throw new Fault('end_user_unknown', { message: `The end user "${id}" is not known here.` });
  }
  if (found.isBlocked) throw new Fault('end_user_blocked', { message: `The end user "${id}" is blocked.` });
  const own = exchange.caller?.policy;
  if (found.policy === undefined || own === undefined) return;
  exchange.policy = meetOf(own, found.policy);
  if (allowsOperation(exchange.policy, exchange.operation)) return;
  throw new Fault('operation_forbidden', { message: `The end user "${id}" may not use "${exchange.operation}".` });
}

/** What the exchange may use: what its key may, and its end user. Undefined before a caller is known. */
export function policyOf({ policy, caller }: Exchange): EffectivePolicy | undefined {
  return policy ?? caller?.policy;
}

/** Who is kept out: the key, or, where that may, the end user it asks for. */
export function whoMay({ caller, endUser }: Exchange, keyMay: boolean): string {
  return keyMay ? `The end user "${endUser?.id}"` : `The key "${caller?.name}"`;
}
