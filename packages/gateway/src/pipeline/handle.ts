import { Fault } from '@turnpike/wire/fault.ts';
import type { Exchange } from '../exchange.ts';
import { asFault, attempt } from './attempt.ts';
import { withoutBrought } from './brought-in-body.ts';
import { admitEndUser } from './end-user.ts';
import { hold } from './hold.ts';
import { holdToPolicy } from './hold-to-policy.ts';
import { identifyCaller } from './identify-caller.ts';
import { limit } from './limit.ts';
import { planAttempts } from './plan-attempts.ts';
import { readBody } from './read-body.ts';
import { refuse } from './refuse.ts';
import type { Services } from './services.ts';
import { settle } from './settle.ts';
import { stream } from './stream.ts';

/**
 * The path of one exchange, from the client's request to its settlement. `stages.ts` lists the same stages and
 * `docs/lifecycle.md` explains them; a comment marks the place of each that is still to come.
 *
 * Never rejects: whatever goes wrong is answered in the client's dialect.
 */
export async function handle(services: Services, exchange: Exchange): Promise<Response> {
  services.active.enter();
  try {
    admit(services, exchange);
    const verifying = services.keys.verifying(exchange.request.headers);
    if (verifying !== undefined) await verifying;
    exchange.caller = identifyCaller(services, exchange); // stage: identify
    const read = await readBody(exchange, services.alarms); // stage: read
    admitEndUser(services, exchange, read);
    const body = holdToPolicy(exchange, withoutBrought(exchange, read));
    exchange.body = body;
    const limiting = limit(services, exchange, body); // stage: limit
    if (limiting !== undefined) await limiting;
    // place: guard-input
    hold(services, exchange, body); // stage: hold
    // place: cache-look
    exchange.plan = planAttempts(services, exchange, body); // stage: plan
    const answer = await attempt(services, exchange, body); // stage: attempt
    return await stream(services, exchange, answer); // stage: stream
    // place: guard-output
  } catch (error) {
    const fault = asFault(error);
    if (fault.code === 'internal') services.onDefect(fault.cause ?? fault, exchange.id);
    settle(services, exchange, { status: fault.status, fault }); // stage: settle
    return refuse(exchange, fault);
  }
}

function admit(services: Services, exchange: Exchange): void {
  if (services.active.isStopping) throw new Fault('shutting_down', { retryAfterMs: 1_000 });
  if (services.active.count > exchange.snapshot.server.exchangesMax) {
    throw new Fault('overloaded', { retryAfterMs: 1_000 });
  }
}
