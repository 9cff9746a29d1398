import type { Loss } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { WriteResponseOptions } from '../../dialect.ts';
import type { Quirks } from '../../quirks.ts';

/** What every writer of a request or response needs besides the node itself. */
export interface WriteContext {
  losses: Loss[];
  quirks: Quirks;
  /** A request goes to a provider; a response goes to a client, who may not be as tolerant. */
  purpose: 'request' | 'response';
  /** The name to send for a tool of this name. */
  toolName: (name: string) => string;
  /** The id to send for a tool call of this id. */
  callId: (id: string) => string;
  /** Calls are told by `function_call`: see {@link WriteResponseOptions.legacyFunctions}. */
  legacyFunctions: boolean;
}

/** A part and where it stands, in canon words. */
export interface Placed<P extends Part = Part> {
  part: P;
  path: string;
}

/** The id to send for a tool call; one that had to change is reported. */
export function sentCallId(id: string, path: string, context: WriteContext): string {
  const sent = context.callId(id);
  if (sent !== id) change(context, path, 'the id is not one that is accepted here');
  return sent;
}

export function drop(context: WriteContext, path: string, reason: string): void {
  context.losses.push({ path, kind: 'dropped', reason });
}

export function change(context: WriteContext, path: string, reason: string): void {
  context.losses.push({ path, kind: 'changed', reason });
}
