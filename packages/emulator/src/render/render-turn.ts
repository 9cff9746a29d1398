import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { isObject, type JsonObject } from '@turnpike/wire/json/value.ts';
import { jsonPlan, ssePlan, type WirePlan } from '../http/wire-plan.ts';
import { countUsage } from '../token-rule.ts';
import { type AnswerWords, answerOf, type ReadyTurn, type Turn, type TurnUsage } from '../turn.ts';
import { renderMessageBody, renderMessageStream } from './anthropic-messages.ts';
import { requestIdHeader } from './error-body.ts';
import { renderChatBody, renderChatStream } from './openai-chat.ts';

/** What the rendering of a turn depends on besides its words. */
export interface RenderContext {
  dialect: DialectId;
  /** The request's body. */
  body: JsonObject;
  /** Counts requests from 1; makes ids that are the same in every run. */
  serial: number;
  nowSec: number;
}

export interface Rendered {
  plan: WirePlan;
  /** What the answer is worth, whether or not it says so itself. Absent: no generation, or unknown. */
  usage?: TurnUsage;
}

/** The turn as bytes: whole or as a stream, as the request wants it. */
export function renderTurn(turn: Turn, context: RenderContext): Rendered {
  const ready = readyTurn(turn, context);
  const headers = [requestIdHeader(context.dialect, `req_emulated_${context.serial}`)];
  for (const [name, value] of Object.entries(turn.headers ?? {})) headers.push([name, value]);
  const plan =
    context.body.stream === true
      ? ssePlan(streamOf(ready, context), headers)
      : jsonPlan(200, context.dialect === 'openai-chat' ? renderChatBody(ready) : renderMessageBody(ready), headers);
  if (turn.firstByteDelayMs !== undefined) plan.headDelayMs = turn.firstByteDelayMs;
  if (turn.paceMs !== undefined) pacePlan(plan, turn.paceMs);
  return { plan, usage: ready.usage };
}

function streamOf(ready: ReadyTurn, { dialect, body }: RenderContext): string[] {
  if (dialect === 'anthropic-messages') return renderMessageStream(ready);
  return renderChatStream(ready, isObject(body.stream_options) && body.stream_options.include_usage === true);
}

/** Puts `paceMs` before every step but the first. */
export function pacePlan(plan: WirePlan, paceMs: number): void {
  plan.steps = plan.steps.map((step, at) => (at === 0 ? step : { ...step, waitMs: (step.waitMs ?? 0) + paceMs }));
}

function readyTurn(turn: Turn, context: RenderContext): ReadyTurn {
  let calls = 0;
  const callId = () => {
    calls++;
    const prefix = context.dialect === 'anthropic-messages' ? 'toolu_emulated' : 'call_emulated';
    return `${prefix}_${context.serial}_${calls}`;
  };
  const choices: AnswerWords[] = turn.choices ?? [turn];
  const answers = choices.map((words) => answerOf(words, callId));
  const asked = context.body.model;
  return {
    id: turn.id ?? `${context.dialect === 'anthropic-messages' ? 'msg' : 'chatcmpl'}_emulated_${context.serial}`,
    model: turn.model ?? (typeof asked === 'string' ? asked : 'emulated'),
    createdSec: context.nowSec,
    answers,
    usage: turn.usage ?? countUsage(context.body, answers),
    streamUsage: turn.streamUsage ?? 'asked',
  };
}
