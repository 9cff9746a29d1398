import { Fault } from '@turnpike/wire/fault.ts';
import { fieldJson, scanJsonObject } from '@turnpike/wire/json/lens.ts';
import { splice } from '@turnpike/wire/json/splice.ts';
import { asNumber } from '@turnpike/wire/json/value.ts';
import type { Body, Exchange } from '../exchange.ts';
import { policyOf, whoMay } from './end-user.ts';

/** What the faces call the bound on output, the name to write it under first. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  'openai-chat': ['max_completion_tokens', 'max_tokens'],
  'anthropic-messages': ['max_tokens'],
};

/**
 * Holds the body to the bound on output tokens of the caller's policy: a request that asks for more is refused, and one
 * that names no bound is given this one.
 *
 * @throws Fault `output_forbidden`
 */
export function boundOutput(exchange: Exchange, body: Body): Body {
  const { caller, face, operation } = exchange;
  const tokensMax = policyOf(exchange)?.outputTokensMax;
  if (tokensMax === undefined || operation !== 'generate') return body;
  const names = FIELDS[face.id] ?? ['max_tokens'];
  let isBounded = false;
  for (const name of names) {
    const field = body.lens.fields.get(name);
    const value = field === undefined ? null : fieldJson(body.bytes, field);
    if (value === null || value === undefined) continue;
    isBounded = true;
    const asked = asNumber(value);
    // What is no number is the provider's to refuse.
    if (asked === undefined || asked <= tokensMax) continue;
    throw new Fault('output_forbidden', {
      param: name,
      message: `${whoMay(exchange, (caller?.policy.outputTokensMax ?? asked) >= asked)} may ask for at most ${tokensMax} output tokens; ${name} asks for ${asked}.`,
    });
  }
  return isBounded ? body : bounded(body, names[0] ?? 'max_tokens', tokensMax);
}

function bounded(body: Body, name: string, tokensMax: number): Body {
  const bytes = splice(body.bytes, body.lens, { [name]: tokensMax });
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Fault(lens.code, { message: lens.message });
  return { ...body, bytes, lens };
}
