import { type Loss, loseResidue } from '../../canon/loss.ts';
import type { CanonRequest, ReasoningRequest } from '../../canon/request.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import type { Quirks } from '../../quirks.ts';
import { ANTHROPIC, exactNumber, Fields, formNote, ownFields } from './fields.ts';
import { modelVersion } from './model-version.ts';

const MODE_OF_TYPE: ReadonlyMap<string, NonNullable<ReasoningRequest['mode']>> = new Map([
  ['enabled', 'on'],
  ['adaptive', 'adaptive'],
  ['disabled', 'off'],
]);

/** Reads `thinking`; one of an unknown type stays residue. @see https://docs.claude.com/en/docs/build-with-claude/extended-thinking */
export function readThinking(fields: Fields, request: CanonRequest): void {
  const value = fields.present('thinking');
  const mode = isObject(value) && typeof value.type === 'string' ? MODE_OF_TYPE.get(value.type) : undefined;
  if (!isObject(value) || mode === undefined) return;
  fields.take('thinking');
  const inner = new Fields(value, 'thinking', 'body_invalid');
  inner.take('type');
  const reasoning: ReasoningRequest = { mode };
  const budgetTokens = inner.number('budget_tokens');
  if (budgetTokens !== undefined) reasoning.budgetTokens = budgetTokens;
  const residue = inner.residue();
  if (residue) reasoning.residue = residue;
  request.reasoning = reasoning;
}

/** Reads `output_config` (effort and output format) and the older `output_format`. */
export function readOutputConfig(fields: Fields, request: CanonRequest): void {
  const value = fields.present('output_config');
  if (isObject(value)) {
    const inner = new Fields(value, 'output_config', 'body_invalid');
    const effort = inner.string('effort');
    if (effort !== undefined) request.reasoning = { ...request.reasoning, effort };
    readFormat(inner, 'format', request);
    const rest = inner.residue()?.[ANTHROPIC];
    if (rest) fields.keep('output_config', rest);
    else if (Object.keys(value).length > 0) fields.take('output_config');
  }
  if (request.responseFormat === undefined) readFormat(fields, 'output_format', request);
}

function readFormat(fields: Fields, name: string, request: CanonRequest): void {
  const value = fields.present(name);
  if (!isObject(value) || value.type !== 'json_schema' || value.schema === undefined) return;
  fields.take(name);
  const inner = new Fields(value, fields.at(name), 'body_invalid');
  inner.take('type', 'schema');
  if (name === 'output_format') inner.note('field', name);
  const residue = inner.residue();
  request.responseFormat = { type: 'json-schema', schema: value.schema, ...(residue && { residue }) };
}

/** What of a demand to reason goes into the body. */
export interface WrittenReasoning {
  thinking?: JsonObject;
  effort?: string;
  /** Output tokens to add to the default bound, so that the answer has room beside the thinking. */
  roomTokens: number;
}

/** Fewest tokens the API takes as a thinking budget. */
const BUDGET_MIN = 1024;

/** Budgets for the words of effort: the boundaries at which clients translate a budget back into a word. */
const BUDGET_OF_EFFORT: ReadonlyMap<string, number> = new Map([
  ['minimal', BUDGET_MIN],
  ['low', 2000],
  ['medium', 5000],
  ['high', 10_000],
  ['xhigh', 20_000],
  ['max', 32_000],
]);

const OWN_EFFORTS: ReadonlySet<string> = new Set(['low', 'medium', 'high', 'xhigh', 'max']);

export interface ReasoningScene {
  model: string;
  quirks: Quirks;
  losses: Loss[];
  /** Why this turn cannot think, if so. */
  hindrance: string | undefined;
}

/** Writes a demand to reason; one of this dialect goes back as it was, unless this turn cannot think. */
export function writeReasoning(request: CanonRequest, scene: ReasoningScene): WrittenReasoning {
  const { reasoning } = request;
  if (reasoning === undefined) return { roomTokens: 0 };
  loseResidue(scene.losses, 'reasoning', reasoning.residue, ANTHROPIC);
  const isOff = reasoning.mode === 'off' || reasoning.effort === 'none';
  if (formNote(request.residue, 'own') === true) return writeOwn(reasoning, scene);
  if (isOff) {
    sayMode(reasoning, 'off', scene.losses);
    if (reasoning.effort !== undefined) {
      scene.losses.push({ path: 'reasoning.effort', kind: 'changed', reason: 'said as thinking that is disabled' });
    }
    if (reasoning.budgetTokens !== undefined) {
      scene.losses.push({ path: 'reasoning.budgetTokens', kind: 'dropped', reason: 'there is no thinking' });
    }
    return { thinking: { type: 'disabled' }, roomTokens: 0 };
  }
  if (wantsNothing(reasoning)) return { roomTokens: 0 };
  const form = scene.quirks.thinkingForm ?? ((modelVersion(scene.model) ?? 0) >= 4.06 ? 'adaptive' : 'budget');
  if (form === 'adaptive') return writeAdaptive(reasoning, scene);
  return writeBudget(reasoning, request.maxOutputTokens, scene);
}

function wantsNothing(reasoning: ReasoningRequest): boolean {
  return reasoning.mode === undefined && reasoning.effort === undefined && reasoning.budgetTokens === undefined;
}

function writeOwn(reasoning: ReasoningRequest, scene: ReasoningScene): WrittenReasoning {
  const effort = reasoning.effort === undefined ? {} : { effort: reasoning.effort };
  const { mode, budgetTokens: budget } = reasoning;
  if (mode === undefined) return { ...effort, roomTokens: 0 };
  if (mode !== 'off' && scene.hindrance !== undefined) {
    hinder(scene, scene.hindrance);
    return { ...effort, roomTokens: 0 };
  }
  const type = mode === 'on' ? 'enabled' : mode === 'off' ? 'disabled' : 'adaptive';
  const tokens = budget === undefined ? {} : { budget_tokens: exactNumber(reasoning.residue, 'budget_tokens', budget) };
  return { thinking: { type, ...tokens, ...ownFields(reasoning.residue) }, ...effort, roomTokens: 0 };
}

function hinder(scene: ReasoningScene, reason: string): void {
  scene.losses.push({ path: 'reasoning', kind: 'dropped', reason });
}

function writeAdaptive(reasoning: ReasoningRequest, scene: ReasoningScene): WrittenReasoning {
  const effort = effortFor(reasoning, scene.losses);
  const written: WrittenReasoning = {
    ...(effort === undefined ? {} : { effort }),
    roomTokens: BUDGET_OF_EFFORT.get(effort ?? 'medium') ?? 0,
  };
  if (scene.hindrance === undefined) {
    sayMode(reasoning, 'adaptive', scene.losses);
    return { ...written, thinking: { type: 'adaptive' } };
  }
  hinder(scene, scene.hindrance);
  return written;
}

/** The API demands a mode; one that was not asked for, or otherwise, is reported. */
function sayMode(reasoning: ReasoningRequest, mode: NonNullable<ReasoningRequest['mode']>, losses: Loss[]): void {
  if (reasoning.mode === mode) return;
  const kind = reasoning.mode === undefined ? 'added' : 'changed';
  losses.push({ path: 'reasoning.mode', kind, reason: `thinking is said to be ${mode}` });
}

function effortFor(reasoning: ReasoningRequest, losses: Loss[]): string | undefined {
  const { effort, budgetTokens: budget } = reasoning;
  if (effort !== undefined && OWN_EFFORTS.has(effort)) {
    if (budget !== undefined)
      losses.push({ path: 'reasoning.budgetTokens', kind: 'dropped', reason: 'the effort says it' });
    return effort;
  }
  if (effort !== undefined) {
    const isMinimal = effort === 'minimal';
    const reason = isMinimal ? 'the least effort here is low' : `${effort} is no effort this API knows`;
    losses.push({ path: 'reasoning.effort', kind: isMinimal ? 'changed' : 'dropped', reason });
    if (isMinimal) return 'low';
  }
  if (budget === undefined) return undefined;
  const word = budget >= 10_000 ? 'high' : budget >= 5000 ? 'medium' : 'low';
  losses.push({ path: 'reasoning.budgetTokens', kind: 'changed', reason: `said as effort ${word}` });
  return word;
}

function writeBudget(
  reasoning: ReasoningRequest,
  outputMax: number | undefined,
  scene: ReasoningScene,
): WrittenReasoning {
  const asked = reasoning.budgetTokens ?? BUDGET_OF_EFFORT.get(reasoning.effort ?? 'medium') ?? 5000;
  const hindrance = scene.hindrance ?? (outputMax !== undefined && outputMax <= BUDGET_MIN ? TOO_TIGHT : undefined);
  if (hindrance !== undefined) {
    hinder(scene, hindrance);
    return { roomTokens: 0 };
  }
  const budget = Math.min(Math.max(Math.floor(asked), BUDGET_MIN), outputMax === undefined ? Infinity : outputMax - 1);
  const { losses } = scene;
  sayMode(reasoning, 'on', losses);
  if (reasoning.effort !== undefined) {
    losses.push({ path: 'reasoning.effort', kind: 'changed', reason: `said as a budget of ${budget} tokens` });
  }
  if (reasoning.budgetTokens !== undefined && budget !== reasoning.budgetTokens) {
    const reason = `a budget is at least ${BUDGET_MIN} and less than all output: ${budget} is sent`;
    losses.push({ path: 'reasoning.budgetTokens', kind: 'changed', reason });
  } else if (reasoning.budgetTokens === undefined) {
    losses.push({ path: 'reasoning.budgetTokens', kind: 'added', reason: 'thinking demands a budget here' });
  }
  return { thinking: { type: 'enabled', budget_tokens: budget }, roomTokens: budget };
}

const TOO_TIGHT = `the output bound leaves no room for the ${BUDGET_MIN} tokens thinking takes at least`;
