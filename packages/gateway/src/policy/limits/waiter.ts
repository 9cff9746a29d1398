import type { Fault } from '@turnpike/wire/fault.ts';
import type { Priority } from '../../config/limit-queue.ts';
import type { RuleSubject } from '../rule-scope.ts';
import type { Admission, Hold } from './admission.ts';
import type { Meter } from './meters.ts';
import { type Refusal, type RefusedWaiting, refusalOf } from './refusal.ts';
import type { Shortfall } from './shortfall.ts';

/** Admitted, or what does not fit: one at least. */
export type Verdict = Admission | readonly Shortfall[];

/** How a request may wait. */
export interface Patience {
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
  /** Asked for by the request, in place of its caller's. */
  readonly priority?: Priority | undefined;
  /** The client itself waits no longer, in milliseconds from now. */
  readonly waitMsMax?: number | undefined;
  /** Told once, when it is clear that it has to wait. */
  readonly onWait: () => void;
}

interface WaiterParts {
  readonly holds: readonly Hold[];
  readonly subject: RuleSubject;
  readonly patience: Patience;
  readonly now: () => number;
  readonly sinceMs: number;
  readonly resolve: (verdict: Admission | Refusal) => void;
  readonly reject: (error: unknown) => void;
  /** Asks again under the rules now in force. */
  readonly again: () => void;
}

/** A request that waits for its turn. Ends once: admitted, refused or failed. */
export class Waiter {
  readonly holds: readonly Hold[];
  readonly subject: RuleSubject;
  readonly signal: AbortSignal;
  readonly priority: Priority | undefined;
  readonly onWait: () => void;
  readonly again: () => void;
  readonly sinceMs: number;
  readonly deadlineMs: number;
  /** What keeps it longest: there it holds up those behind it, elsewhere others pass it meanwhile. */
  keptBy: Meter | undefined;
  /** The authority is asked about it. */
  isAsking = false;
  onGone: (() => void) | undefined;
  stopClock: (() => void) | undefined;
  readonly #parts: WaiterParts;

  constructor(parts: WaiterParts) {
    this.#parts = parts;
    const { holds, subject, patience, sinceMs, again } = parts;
    this.holds = holds;
    this.subject = subject;
    this.signal = patience.signal;
    this.priority = patience.priority;
    this.onWait = patience.onWait;
    this.again = again;
    this.sinceMs = sinceMs;
    this.deadlineMs = sinceMs + Math.min(...waitsOf(holds), patience.waitMsMax ?? Number.POSITIVE_INFINITY);
  }

  end(admission: Admission): void {
    this.#parts.resolve(admission);
  }

  refuse(shortfalls: readonly Shortfall[], queue: RefusedWaiting | undefined): void {
    const refusal = refusalOf(this.holds, shortfalls, this.#parts.now());
    this.#parts.resolve(queue === undefined ? refusal : { ...refusal, queue });
  }

  fail(error: Fault): void {
    this.#parts.reject(error);
  }

  /** Stops its clock, and listens to its client no more. */
  rest(): void {
    this.stopClock?.();
    if (this.onGone !== undefined) this.signal.removeEventListener('abort', this.onGone);
  }
}

/** The shortest wait that a queue of its limits allows holds. */
function waitsOf(holds: readonly Hold[]): number[] {
  return holds.flatMap(({ compiled }) => (compiled.rule.queue === undefined ? [] : [compiled.rule.queue.maxWaitMs]));
}
