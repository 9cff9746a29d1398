import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { applyFault } from '../faults/apply-fault.ts';
import { parseFaults } from '../faults/parse-fault.ts';
import { jsonPlan } from '../http/wire-plan.ts';
import type { ReceivedRequest } from '../received.ts';
import { errorPlan } from '../render/error-body.ts';
import { type Rendered, renderTurn } from '../render/render-turn.ts';
import { modelCard, modelList } from '../render/small-answers.ts';
import { countInput } from '../token-rule.ts';
import { composeTurn } from './compose-turn.ts';
import { PromptError } from './read-prompt.ts';

/** The models the sandbox lists. Any other name is answered like `echo`. */
export const sandboxModels: readonly string[] = ['echo', 'reasoner', 'tools'];

/** Answers any request the sandbox knows a path for; others get the dialect's 404. */
export function answerAsSandbox(
  request: ReceivedRequest,
  body: JsonObject,
  models: readonly string[] = sandboxModels,
): Rendered {
  const { operation, dialect, tail } = request.route;
  const requestId = `req_emulated_${request.id}`;
  const refuse = (status: number, message: string) => ({ plan: errorPlan(dialect, status, requestId, { message }) });
  if (operation === 'list-models') return { plan: jsonPlan(200, modelList(dialect, models)) };
  if (operation === 'show-model') return { plan: jsonPlan(200, modelCard(dialect, tail)) };
  if (operation === 'other') return refuse(404, `No such path: ${request.path}`);
  if (request.method !== 'POST') return refuse(405, 'POST is needed here.');
  if (operation === 'count-tokens') return { plan: jsonPlan(200, { input_tokens: countInput(body) }) };
  return generate(request, body, requestId);
}

function generate(request: ReceivedRequest, body: JsonObject, requestId: string): Rendered {
  const { dialect } = request.route;
  const nowSec = Math.floor(request.atMs / 1000);
  try {
    const turn = composeTurn(dialect, body);
    const { plan, usage } = renderTurn(turn, { dialect, body, serial: request.id, nowSec });
    const context = { dialect, requestId, nowMs: request.atMs };
    const specs = typeof turn.faults === 'string' ? parseFaults(turn.faults) : [];
    return { plan: specs.reduce((spoilt, spec) => applyFault(spoilt, spec, context), plan), usage };
  } catch (error) {
    if (error instanceof PromptError) {
      return { plan: errorPlan(dialect, 400, requestId, { message: error.message }) };
    }
    throw error;
  }
}
