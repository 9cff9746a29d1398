import type { Loss } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { Finish, UnifiedFinish } from '../../canon/response.ts';
import type { JsonObject } from '../../json/value.ts';
import { type Fields, formNote, ownFields } from './fields.ts';

/** @see https://docs.claude.com/en/api/handling-stop-reasons */
const UNIFIED: ReadonlyMap<string, UnifiedFinish> = new Map([
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['max_tokens', 'length'],
  ['tool_use', 'tool-calls'],
  ['pause_turn', 'pause'],
  ['refusal', 'refusal'],
  ['model_context_window_exceeded', 'context-exceeded'],
]);

const WORD: Readonly<Record<UnifiedFinish, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
  refusal: 'refusal',
  pause: 'pause_turn',
  'context-exceeded': 'model_context_window_exceeded',
  error: 'end_turn',
  other: 'end_turn',
};

/**
 * Takes `stop_reason` and every other `stop_…` field of a message or of a `message_delta`.
 *
 * @returns undefined while the model has not stopped; then nothing is taken but nulls, which say nothing.
 */
export function readFinish(fields: Fields): Finish | undefined {
  const raw = fields.string('stop_reason');
  if (raw === undefined) {
    for (const name in fields.source) if (isStopField(name) && fields.source[name] === null) fields.take(name);
    return undefined;
  }
  const unified = UNIFIED.get(raw);
  const finish: Finish = { unified: unified ?? 'other', raw };
  const stopSequence = fields.string('stop_sequence');
  if (stopSequence !== undefined) finish.stopSequence = stopSequence;
  fields.take('stop_sequence');
  const rest: JsonObject = unified === undefined ? { '~own': true } : {};
  for (const name in fields.source) {
    if (!isStopField(name) || name === 'stop_reason' || name === 'stop_sequence') continue;
    rest[name] = fields.source[name];
    fields.take(name);
  }
  if (Object.keys(rest).length > 0) finish.residue = { 'anthropic-messages': rest };
  return finish;
}

function isStopField(name: string): boolean {
  return name.startsWith('stop_');
}

/** What the answer held, as far as the word for its end depends on it. */
export interface AnswerContent {
  hasClientCalls: boolean;
  hasRefusal: boolean;
}

export function answerContent(parts: readonly Part[]): AnswerContent {
  return {
    hasClientCalls: parts.some((part) => part.type === 'tool-call' && part.ranBy === 'client'),
    hasRefusal: parts.some((part) => part.type === 'refusal'),
  };
}

/** The `stop_…` fields. A client runs its tools only when told `tool_use`, so calls say it whatever the provider said. */
export function writeFinish(
  finish: Finish | undefined,
  content: AnswerContent,
  losses: Loss[],
  path: string,
): JsonObject {
  if (finish === undefined) return { stop_reason: null, stop_sequence: null };
  const stopSequence = finish.stopSequence ?? null;
  if (UNIFIED.get(finish.raw) === finish.unified || formNote(finish.residue, 'own') === true) {
    return { stop_reason: finish.raw, stop_sequence: stopSequence, ...ownFields(finish.residue) };
  }
  const word = wordFor(finish, content);
  if (UNIFIED.get(word) !== finish.unified) {
    const reason = `${finish.unified} is written as ${word}`;
    losses.push({ path: `${path}.unified`, kind: 'changed', reason });
  }
  return { stop_reason: word, stop_sequence: word === 'stop_sequence' ? stopSequence : null };
}

function wordFor(finish: Finish, content: AnswerContent): string {
  if (finish.unified !== 'stop') return WORD[finish.unified];
  if (content.hasClientCalls) return 'tool_use';
  if (content.hasRefusal) return 'refusal';
  return finish.stopSequence === undefined ? WORD.stop : 'stop_sequence';
}
