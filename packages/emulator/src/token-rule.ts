import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import { type Answer, type TurnUsage, textOf } from './turn.ts';

/**
 * How tokens are counted where nobody says otherwise: one token per run of characters without white space.
 * Input: all text in `messages` and `system`. Output: text, reasoning, refusals and tool arguments of all choices.
 * Each is at least 1.
 */
export function countUsage(body: JsonObject, answers: readonly Answer[]): TurnUsage {
  let output = 0;
  let reasoning = 0;
  for (const part of answers.flatMap((answer) => answer.parts)) {
    const words = countWords(textOf(part));
    output += words;
    if (part.type === 'reasoning' || part.type === 'redacted-reasoning') reasoning += words;
  }
  return { input: countInput(body), output: Math.max(1, output), reasoning };
}

export function countInput(body: JsonObject): number {
  return Math.max(1, countText(body.messages) + countText(body.system));
}

export function countWords(text: string): number {
  return text.match(/\S+/g)?.length ?? 0;
}

const TEXT_FIELDS = new Set(['content', 'text', 'thinking', 'arguments', 'refusal', 'reasoning', 'reasoning_content']);

function countText(value: Json | undefined): number {
  if (typeof value === 'string') return countWords(value);
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countText(item), 0);
  if (!isObject(value)) return 0;
  let sum = 0;
  for (const [name, field] of Object.entries(value)) {
    if (TEXT_FIELDS.has(name) || (typeof field === 'object' && field !== null)) sum += countText(field);
    else if (name === 'input') sum += countWords(JSON.stringify(field));
  }
  return sum;
}
