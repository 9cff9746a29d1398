import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { Rig } from './rig.ts';

/** Where each face is served. */
export const FACE_PATHS: Record<DialectId, string> = {
  'openai-chat': '/v1/chat/completions',
  'anthropic-messages': '/v1/messages',
};

/** Sends a body to a face of the rig's gateway, as its clients do but by hand. */
export function post(
  rig: Rig,
  face: DialectId,
  body: string,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const own: Record<string, string> =
    face === 'openai-chat'
      ? { authorization: `Bearer ${rig.key}` }
      : { 'x-api-key': rig.key, 'anthropic-version': '2023-06-01' };
  return fetch(`${rig.url}${FACE_PATHS[face]}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...own, ...headers },
    body,
    signal,
  });
}
