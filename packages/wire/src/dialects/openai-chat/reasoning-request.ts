import { loseResidue } from '../../canon/loss.ts';
import type { ReasoningRequest } from '../../canon/request.ts';
import { differences } from '../../json/equal.ts';
import { asNumber, asString, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { change, drop, type WriteContext } from './context.ts';
import { CHAT, type Draft, type Fields } from './fields.ts';

/** The ways this family of APIs asks for reasoning. */
const spellings = ['reasoning_effort', 'reasoning', 'thinking', 'enable_thinking', 'thinking_budget'] as const;

/**
 * Reads `reasoning_effort`, OpenRouter's `reasoning`, `thinking` (DeepSeek, Z.ai, LiteLLM) and `enable_thinking` with
 * `thinking_budget` (Qwen). What was said is noted (`~said`), and goes on unchanged while it still means the same.
 */
export function readReasoningRequest(body: Fields): ReasoningRequest | undefined {
  const said: JsonObject = {};
  for (const name of spellings) {
    const value = body.take(name);
    if (value === undefined) continue;
    if (isUnderstood(name, value)) said[name] = value;
    else body.leave(name);
  }
  if (Object.keys(said).length === 0) return undefined;
  const own: JsonObject = { ...unknownOf(said), '~said': said };
  return { ...meaningOf(said), residue: { [CHAT]: own } };
}

function isUnderstood(name: (typeof spellings)[number], value: Json): boolean {
  if (name === 'reasoning_effort') return typeof value === 'string';
  if (name === 'enable_thinking') return typeof value === 'boolean';
  if (name === 'thinking_budget') return asNumber(value) !== undefined;
  return isObject(value);
}

function meaningOf(said: JsonObject): ReasoningRequest {
  const object = isObject(said.reasoning) ? said.reasoning : {};
  const thinking = isObject(said.thinking) ? said.thinking : {};
  const effort = asString(said.reasoning_effort) ?? asString(object.effort);
  const budgetTokens =
    asNumber(object.max_tokens) ?? asNumber(thinking.budget_tokens) ?? asNumber(said.thinking_budget);
  const mode = modeOf(thinking.type) ?? switchOf(object.enabled) ?? switchOf(said.enable_thinking);
  const meaning: ReasoningRequest = {};
  if (effort !== undefined) meaning.effort = effort;
  if (budgetTokens !== undefined) meaning.budgetTokens = budgetTokens;
  if (mode !== undefined) meaning.mode = mode;
  else if (effort === 'none') meaning.mode = 'off';
  return meaning;
}

function modeOf(type: Json | undefined): ReasoningRequest['mode'] {
  if (type === 'enabled') return 'on';
  if (type === 'disabled') return 'off';
  return type === 'adaptive' || type === 'auto' ? 'adaptive' : undefined;
}

function switchOf(value: Json | undefined): ReasoningRequest['mode'] {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : undefined;
}

const knownInObject = new Set(['effort', 'max_tokens', 'enabled']);
const knownInThinking = new Set(['type', 'budget_tokens']);

/** Fields inside the objects that the canon has no word for (`exclude`, `summary`, …). */
function unknownOf(said: JsonObject): JsonObject {
  const unknown: JsonObject = {};
  for (const [name, known] of [
    ['reasoning', knownInObject],
    ['thinking', knownInThinking],
  ] as const) {
    const value = said[name];
    if (!isObject(value)) continue;
    const rest = Object.fromEntries(Object.entries(value).filter(([field]) => !known.has(field)));
    if (Object.keys(rest).length > 0) unknown[name] = rest;
  }
  return unknown;
}

export function writeReasoningRequest(body: Draft, reasoning: ReasoningRequest, context: WriteContext): void {
  loseResidue(context.losses, 'reasoning', reasoning.residue, CHAT);
  const { quirks } = context;
  const said = reasoning.residue?.[CHAT]?.['~said'];
  const { residue: _residue, ...meaning } = reasoning;
  if (quirks.reasoningRequest === undefined && isObject(said) && differences(meaningOf(said), meaning).length === 0) {
    for (const name in said) body.set(name, said[name]);
    return;
  }
  if (quirks.reasoningRequest === 'none') drop(context, 'reasoning', 'the provider cannot be asked to reason');
  else if (quirks.reasoningRequest === 'object') writeObject(body, reasoning, context);
  else writeEffort(body, reasoning, context);
}

function writeObject(body: Draft, reasoning: ReasoningRequest, context: WriteContext): void {
  const unknown = reasoning.residue?.[CHAT]?.reasoning;
  const object: JsonObject = isObject(unknown) ? { ...unknown } : {};
  if (reasoning.budgetTokens !== undefined) object.max_tokens = reasoning.budgetTokens;
  if (reasoning.effort !== undefined) {
    if (reasoning.budgetTokens === undefined) object.effort = reasoning.effort;
    else drop(context, 'reasoning.effort', 'effort and budget exclude each other; the budget is sent');
  }
  const isSaid = object.effort !== undefined || object.max_tokens !== undefined;
  if (reasoning.mode === 'off') object.enabled = false;
  else if (reasoning.mode === 'on' && !isSaid) object.enabled = true;
  else if (reasoning.mode === 'adaptive') change(context, 'reasoning.mode', 'the provider decides by itself');
  if (Object.keys(object).length > 0) body.set('reasoning', object);
}

function writeEffort(body: Draft, reasoning: ReasoningRequest, context: WriteContext): void {
  const { effort, budgetTokens, mode } = reasoning;
  for (const name of ['reasoning', 'thinking'] as const) {
    const unknown = reasoning.residue?.[CHAT]?.[name];
    if (isObject(unknown)) drop(context, `reasoning.residue.${CHAT}.${name}`, 'reasoning_effort is a bare word');
  }
  if (mode === 'off') {
    body.set('reasoning_effort', 'none');
    return;
  }
  if (effort !== undefined) {
    body.set('reasoning_effort', wordFor(effort, context));
    if (budgetTokens !== undefined) drop(context, 'reasoning.budgetTokens', 'reasoning_effort has no budget in tokens');
  } else if (budgetTokens !== undefined) {
    body.set('reasoning_effort', effortOfBudget(budgetTokens));
    change(context, 'reasoning.budgetTokens', 'a budget in tokens becomes an effort');
  } else if (mode === 'on') {
    body.set('reasoning_effort', 'medium');
    change(context, 'reasoning.mode', 'reasoning is asked for with medium effort');
  }
  if (mode === 'adaptive') change(context, 'reasoning.mode', 'the provider decides by itself');
}

/** `max` is not a word of OpenAI's; any other is passed on, since providers have their own. */
function wordFor(effort: string, context: WriteContext): string {
  if (effort !== 'max') return effort;
  change(context, 'reasoning.effort', 'the highest effort every provider of this dialect knows is high');
  return 'high';
}

/** Bounds in tokens as LiteLLM draws them, so that moving over changes nothing. */
function effortOfBudget(tokens: number): string {
  if (tokens >= 10_000) return 'high';
  if (tokens >= 5_000) return 'medium';
  return tokens >= 2_000 ? 'low' : 'minimal';
}
