import type { JsonObject } from '@turnpike/wire/json/value.ts';
import type { EmulatorOptions } from './options.ts';
import type { ReceivedRequest } from './received.ts';
import { errorPlan } from './render/error-body.ts';
import { type Rendered, renderTurn } from './render/render-turn.ts';
import type { CaseIndex } from './replay/corpus.ts';
import { replayPlan } from './replay/replay-plan.ts';
import { answerAsSandbox } from './sandbox/answer-request.ts';
import type { Turn } from './turn.ts';

export interface Choice {
  request: ReceivedRequest;
  /** The request's body, without a fault in its model name. */
  body: JsonObject;
  /** The key is wrong. */
  refused: boolean;
  /** The scripted turn, when one is due. */
  turn: Turn | undefined;
  options: EmulatorOptions;
  cases: CaseIndex;
  forcedCase: string | undefined;
}

/**
 * Decides what to answer: a forced case, a script's turn, the recording of the same request, else the sandbox.
 * @throws what a turn's `expect` throws, and when a forced case does not exist.
 */
export async function chooseAnswer(choice: Choice): Promise<Rendered & { chunkSizes?: number[] }> {
  const { request, body, refused, turn, options, cases, forcedCase } = choice;
  const { dialect } = request.route;
  const requestId = `req_emulated_${request.id}`;
  if (refused) return { plan: errorPlan(dialect, 401, requestId) };
  if (forcedCase !== undefined && !cases.named(forcedCase)) throw new Error(`no recorded case "${forcedCase}"`);
  if (turn !== undefined) {
    turn.expect?.(body);
    const context = { dialect, body, serial: request.id, nowSec: Math.floor(request.atMs / 1000) };
    return turn.plan === undefined ? renderTurn(turn, context) : { plan: turn.plan };
  }
  const found =
    forcedCase === undefined ? cases.match(request.method, request.target, matchable(choice)) : cases.named(forcedCase);
  if (found) return { plan: await replayPlan(found), chunkSizes: found.chunkSizes };
  if ((options.otherwise ?? (options.corpus === undefined ? 'sandbox' : 'not-found')) === 'not-found') {
    return { plan: errorPlan(dialect, 404, requestId, { message: 'The emulator has no recording of this request.' }) };
  }
  return answerAsSandbox(request, body, options.models);
}

function matchable({ request, body }: Choice) {
  return request.json === undefined || Array.isArray(request.json) ? request.json : body;
}
