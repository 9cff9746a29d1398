import { loseResidue } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { Finish, UnifiedFinish } from '../../canon/response.ts';
import { change, drop, type WriteContext } from './context.ts';
import { CHAT, noteOf } from './fields.ts';

const unifiedOf: Readonly<Record<string, UnifiedFinish>> = {
  stop: 'stop',
  eos: 'stop',
  end_turn: 'stop',
  length: 'length',
  max_tokens: 'length',
  tool_calls: 'tool-calls',
  function_call: 'tool-calls',
  content_filter: 'content-filter',
  error: 'error',
  model_length: 'context-exceeded',
};

const wordOf: Readonly<Record<UnifiedFinish, string>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
  pause: 'stop',
  'context-exceeded': 'length',
  error: 'error',
  other: 'stop',
};

/** Reasons that {@link wordOf} renders with a word of another meaning. */
const approximate: ReadonlySet<UnifiedFinish> = new Set(['refusal', 'pause', 'context-exceeded', 'other']);

/**
 * Reads `finish_reason`. Some providers say `stop`, or nothing, where the model calls tools; that is a tool-call finish.
 */
export function readFinish(raw: string, hasCalls: boolean): Finish {
  const unified = raw === '' ? 'stop' : (unifiedOf[raw] ?? 'other');
  const isCalling = hasCalls && unified === 'stop';
  return { unified: isCalling ? 'tool-calls' : unified, raw, residue: { [CHAT]: { '~own': true } } };
}

/** Does the choice ask the client to run something? */
export function hasClientCalls(parts: readonly Part[]): boolean {
  return parts.some((part) => part.type === 'tool-call' && part.ranBy === 'client');
}

/** The word for `finish_reason`: the provider's own when it came in this dialect. */
export function writeFinish(finish: Finish, path: string, context: WriteContext): string {
  loseResidue(context.losses, path, finish.residue, CHAT);
  if (finish.stopSequence !== undefined) {
    drop(context, `${path}.stopSequence`, 'finish_reason does not say which stop sequence ended the text');
  }
  if (noteOf(finish.residue, '~own') === true) return finish.raw;
  if (approximate.has(finish.unified)) {
    change(context, `${path}.unified`, `${finish.unified} has no word of its own in ${CHAT}`);
  }
  if (context.legacyFunctions && finish.unified === 'tool-calls') return 'function_call';
  return wordOf[finish.unified];
}
