import { Fault } from '@turnpike/wire/fault.ts';
import { fieldJson, scanJsonObject } from '@turnpike/wire/json/lens.ts';
import { splice } from '@turnpike/wire/json/splice.ts';
import { isObject, type Json } from '@turnpike/wire/json/value.ts';
import type { Body, Exchange } from '../exchange.ts';

const FIELD = 'providerOptions';
const PATH = `${FIELD}.gateway.byok`;

/** A credential as it came, for a provider. */
export interface Brought {
  readonly providerId: string;
  readonly secret: string;
}

/**
 * The body without credentials of providers, which may stand in it as Vercel's AI Gateway reads them; they are noted in the
 * exchange. No provider gets to see them there.
 *
 * @throws Fault `credential_invalid`
 * @see https://vercel.com/docs/ai-gateway/byok
 */
export function withoutBrought(exchange: Exchange, body: Body): Body {
  const field = body.lens.fields.get(FIELD);
  if (field === undefined) return body;
  const options = fieldJson(body.bytes, field);
  if (!isObject(options) || !isObject(options.gateway)) return body;
  const { byok, ...gateway } = options.gateway;
  if (byok === undefined) return body;
  exchange.brought = read(byok);
  const { gateway: _, ...others } = options;
  const rest = Object.keys(gateway).length === 0 ? others : { ...others, gateway };
  const bytes = splice(body.bytes, body.lens, { [FIELD]: Object.keys(rest).length === 0 ? undefined : rest });
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Fault(lens.code, { message: lens.message });
  return { ...body, bytes, lens };
}

function read(byok: Json): Brought[] {
  if (!isObject(byok)) throw invalid('must be an object: by the id of a provider, a list of one credential');
  // What came is never repeated, not even names: who mixes things up may have put a secret there.
  return Object.entries(byok).map(([providerId, list]) => {
    const [credential, second] = Array.isArray(list) ? list : [];
    if (!isObject(credential) || second !== undefined)
      throw invalid('must have a list of one credential for each provider');
    const { apiKey, ...others } = credential;
    if (Object.keys(others).length > 0) throw invalid('has a credential with a field beside apiKey');
    if (typeof apiKey !== 'string') throw invalid('has a credential without an apiKey');
    return { providerId, secret: apiKey };
  });
}

function invalid(what: string): Fault {
  return new Fault('credential_invalid', { param: PATH, message: `${PATH} ${what}.` });
}
