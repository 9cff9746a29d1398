import { Fault } from '@turnpike/wire/fault.ts';
import { fieldJson } from '@turnpike/wire/json/lens.ts';
import { asNumber, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { Body, Exchange } from '../exchange.ts';
import { type EffectivePolicy, missingRequestTags } from '../identity/effective-policy.ts';
import { tagsOfKey } from '../policy/caller.ts';
import { readTags } from '../policy/limits/request-facts.ts';
import { readPath, topLevelEdits } from '../policy/parameters/field-path.ts';
import { judgeParameters, type ParameterRefusal, type ParameterVerdict } from '../policy/parameters/parameter-rules.ts';
import { editBody, outputFields } from './edit-body.ts';
import { policyOf, whoMay } from './end-user.ts';

const REASON = 'the policy wants it so';

/**
 * Holds a request to what the policy says of its tags, its bound on output and its fields. What is refused is named; what
 * the policy changes is written into a body of its own, and told as a loss.
 *
 * @throws Fault `tags_missing`, `output_forbidden`, `parameter_forbidden`
 */
export function holdToPolicy(exchange: Exchange, body: Body): Body {
  const policy = policyOf(exchange);
  if (policy === undefined || exchange.operation !== 'generate') return body;
  if (policy.requestTagsRequired.length > 0) requireTags(exchange, body, policy);
  const { outputTokensMax, parameters } = policy;
  if (outputTokensMax === undefined && parameters.length === 0) return body;
  const edits: JsonObject = {};
  if (outputTokensMax !== undefined) boundOutput(exchange, body, policy, edits);
  if (parameters.length > 0) Object.assign(edits, heldParameters(exchange, body, policy));
  return Object.keys(edits).length === 0 ? body : editBody(body, edits, REASON);
}

function requireTags({ caller, request }: Exchange, { bytes, lens }: Body, policy: EffectivePolicy): void {
  const ofKey = caller === undefined ? [] : tagsOfKey(caller);
  const missing = missingRequestTags(policy, [...ofKey, ...readTags(bytes, lens, request.headers)]);
  if (missing.length === 0) return;
  throw new Fault('tags_missing', {
    param: 'metadata.tags',
    message: `Requests of the key "${caller?.name}" must be tagged, in metadata.tags or in the header x-turnpike-tags; what is missing: ${missing.join(', ')}.`,
  });
}

/** A request that asks for more is refused, or cut down; one that names no bound is given this one. */
function boundOutput(exchange: Exchange, body: Body, policy: EffectivePolicy, edits: JsonObject): void {
  const { outputTokensMax: tokensMax = 0, outputTokensRefusedAbove: refusedAbove = Infinity } = policy;
  const names = outputFields(exchange);
  let isBounded = false;
  for (const name of names) {
    const field = body.lens.fields.get(name);
    const value = field === undefined ? null : fieldJson(body.bytes, field);
    if (value === null || value === undefined) continue;
    isBounded = true;
    const asked = asNumber(value);
    // What is no number is the provider's to refuse.
    if (asked === undefined || asked <= tokensMax) continue;
    if (asked <= refusedAbove) {
      edits[name] = tokensMax;
      continue;
    }
    const keyMay = asked <= (exchange.caller?.policy.outputTokensRefusedAbove ?? Infinity);
    throw new Fault('output_forbidden', {
      param: name,
      message: `${whoMay(exchange, keyMay)} may ask for at most ${tokensMax} output tokens; ${name} asks for ${asked}.`,
    });
  }
  if (!isBounded) edits[names[0]] = tokensMax;
}

function heldParameters(exchange: Exchange, { bytes, lens }: Body, { parameters }: EffectivePolicy): JsonObject {
  const said = (name: string) => {
    const field = lens.fields.get(name);
    return field === undefined ? undefined : fieldJson(bytes, field);
  };
  const judge = (rules: EffectivePolicy['parameters'], top: (name: string) => Json | undefined): ParameterVerdict =>
    judgeParameters(rules, exchange.face.id, (path) => readPath(path, top));
  const fault = (refusal: ParameterRefusal) => {
    const ofKey = judge(exchange.caller?.policy.parameters ?? [], said);
    return parameterFault(refusal, whoMay(exchange, 'edits' in ofKey));
  };
  const verdict = judge(parameters, said);
  if (!('edits' in verdict)) throw fault(verdict);
  const edits = topLevelEdits(verdict.edits, said);
  if (Object.keys(verdict.edits).every((path) => !path.includes('.'))) return edits;
  // Rules on a field and on what is in it can undo each other.
  const again = judge(parameters, (name) => (Object.hasOwn(edits, name) ? edits[name] : said(name)));
  const [undone] = 'edits' in again ? Object.keys(again.edits) : [again.field];
  if (undone !== undefined) throw fault({ field: undone, clause: undefined });
  return edits;
}

function parameterFault({ field, clause }: ParameterRefusal, who: string): Fault {
  return new Fault('parameter_forbidden', {
    param: field,
    message:
      clause === undefined
        ? `The policies of ${who.replace('The', 'the')} contradict each other about ${field}: no request fits all of them.`
        : `${who} may not ${clause}.`,
  });
}
