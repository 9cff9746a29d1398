import { Fault } from '@turnpike/wire/fault.ts';
import { type Priority, priorities, type QueueRule } from '../../config/limit-queue.ts';
import { compileWildcard } from '../../config/wildcard.ts';
import { instancesOf, type RuleSubject } from '../rule-scope.ts';
import { scopeKey } from '../scope.ts';
import type { CompiledRule } from './compiled-rule.ts';

/** Who waits, and for what share. */
export interface QueueCaller {
  readonly caller: string;
  readonly weight: number;
  readonly priority: Priority;
}

/** Whose share a request waits for. */
export function queueCallerOf({ by, shares }: QueueRule, subject: RuleSubject): QueueCaller {
  const id = idOf(by, subject);
  if (id === undefined)
    return { caller: scopeKey({ type: 'key', id: subject.caller.id }), weight: 1, priority: 'normal' };
  const share = shares.find((share) => compileWildcard(share.id).match(id) !== undefined);
  const caller = scopeKey({ type: by, id });
  return { caller, weight: share?.weight ?? 1, priority: share?.priority ?? 'normal' };
}

const PRIORITY_HEADER = 'x-turnpike-priority';

/**
 * The priority that a request asks for; undefined when it asks for none.
 *
 * @throws Fault `priority_invalid`; `priority_forbidden` when a queue it may have to wait in gives its caller a lower one.
 */
export function askedPriority(
  rules: readonly CompiledRule[],
  subject: RuleSubject,
  headers: Headers,
): Priority | undefined {
  const asked = headers.get(PRIORITY_HEADER)?.trim().toLowerCase();
  if (asked === undefined || asked === '') return undefined;
  const rank = priorities.indexOf(asked as Priority);
  const priority = priorities[rank];
  if (priority === undefined) {
    throw new Fault('priority_invalid', { message: `The header ${PRIORITY_HEADER} takes ${priorities.join(', ')}.` });
  }
  for (const compiled of rules) {
    const { queue } = compiled.rule;
    if (queue === undefined || queue.mayRaise || instancesOf(compiled, subject).length === 0) continue;
    const own = queueCallerOf(queue, subject).priority;
    if (rank >= priorities.indexOf(own)) continue;
    throw new Fault('priority_forbidden', {
      message: `The key "${subject.caller.name}" has priority ${own} under the limit ${compiled.label}, and may ask for a lower one only.`,
    });
  }
  return priority;
}

function idOf(by: QueueRule['by'], { caller, endUser }: RuleSubject): string | undefined {
  return by === 'end-user' ? endUser : caller.scopes.find(({ type }) => type === by)?.id;
}
