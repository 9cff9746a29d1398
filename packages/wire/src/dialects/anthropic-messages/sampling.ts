import type { Loss } from '../../canon/loss.ts';
import type { CanonRequest, Sampling } from '../../canon/request.ts';
import type { JsonObject } from '../../json/value.ts';
import { exactNumber, formNote } from './fields.ts';
import { modelVersion } from './model-version.ts';

const UNSAYABLE = ['minP', 'frequencyPenalty', 'presencePenalty', 'seed'] as const;

/** First version that refuses `temperature` and `top_p` in one request. */
const ONE_OF_BOTH_SINCE = 4.01;
/** Least `top_p` beside thinking. @see https://docs.claude.com/en/docs/build-with-claude/extended-thinking */
const THINKING_TOP_P_MIN = 0.95;

/**
 * Writes the sampling parameters. Those of another dialect are fitted to what the API accepts: temperatures up to 1,
 * and beside thinking neither temperature nor `top_k`.
 */
export function writeSampling(request: CanonRequest, isThinking: boolean, model: string, losses: Loss[]): JsonObject {
  const isOwn = formNote(request.residue, 'own') === true;
  const asked = request.sampling;
  for (const name of UNSAYABLE) {
    if (asked[name] !== undefined) lose(losses, name, 'the API has no such parameter');
  }
  const sampling = isOwn ? asked : fitted(asked, isThinking, model, losses);
  const written: JsonObject = {};
  for (const [name, value] of [
    ['temperature', sampling.temperature],
    ['top_p', sampling.topP],
    ['top_k', sampling.topK],
  ] as const) {
    if (value !== undefined) written[name] = exactNumber(request.residue, name, value);
  }
  return written;
}

function fitted(asked: Sampling, isThinking: boolean, model: string, losses: Loss[]): Sampling {
  const sampling: Sampling = {};
  if (asked.temperature !== undefined) {
    if (isThinking && asked.temperature !== 1) lose(losses, 'temperature', 'thinking excludes it');
    else sampling.temperature = asked.temperature;
  }
  if (sampling.temperature !== undefined && sampling.temperature > 1) {
    losses.push({ path: 'sampling.temperature', kind: 'changed', reason: 'the highest temperature here is 1' });
    sampling.temperature = 1;
  }
  if (asked.topK !== undefined) {
    if (isThinking) lose(losses, 'topK', 'thinking excludes it');
    else sampling.topK = asked.topK;
  }
  if (asked.topP !== undefined) {
    const isBesideTemperature = sampling.temperature !== undefined && (modelVersion(model) ?? 0) >= ONE_OF_BOTH_SINCE;
    if (isThinking && asked.topP < THINKING_TOP_P_MIN) lose(losses, 'topP', 'thinking excludes so low a value');
    else if (isBesideTemperature) lose(losses, 'topP', 'this model takes temperature or top_p, not both');
    else sampling.topP = asked.topP;
  }
  return sampling;
}

function lose(losses: Loss[], name: keyof Sampling, reason: string): void {
  losses.push({ path: `sampling.${name}`, kind: 'dropped', reason });
}
