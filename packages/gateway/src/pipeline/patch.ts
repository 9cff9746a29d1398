import type { Loss } from '@turnpike/wire/canon/loss.ts';
import { fieldJson, fieldString } from '@turnpike/wire/json/lens.ts';
import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Body } from '../exchange.ts';

/**
 * What a provider of the caller's own dialect needs otherwise, as new values of top-level fields (`undefined` takes one
 * out). Nothing is edited that the provider would have understood; what has to go is reported.
 */
export function patchFields(body: Body, endpoint: Endpoint): { edits: JsonObject; losses: Loss[] } {
  const { quirks, dialect } = endpoint.provider;
  const edits: JsonObject = {};
  const losses: Loss[] = [];
  const { fields } = body.lens;

  for (const name of quirks.refusedFields ?? []) {
    if (!fields.has(name)) continue;
    edits[name] = undefined;
    losses.push({ path: name, kind: 'dropped', reason: `${endpoint.provider.name} refuses ${name}` });
  }
  if (dialect !== 'openai-chat') return { edits, losses };

  const wanted = quirks.maxTokensField;
  const other = wanted === 'max_tokens' ? 'max_completion_tokens' : 'max_tokens';
  const bound = wanted === undefined ? undefined : fields.get(other);
  if (wanted !== undefined && bound !== undefined) {
    edits[other] = undefined;
    if (!fields.has(wanted)) edits[wanted] = fieldJson(body.bytes, bound);
  }
  const required = quirks.toolChoiceRequiredAs ?? 'required';
  if (required !== 'required' && fieldString(body.bytes, fields.get('tool_choice')) === 'required') {
    edits.tool_choice = required;
  }
  const messages = fields.get('messages');
  if (messages !== undefined && quirks.systemRole !== undefined && mentionsOtherRole(body.bytes, quirks.systemRole)) {
    const renamed = withSystemRole(fieldJson(body.bytes, messages), quirks.systemRole);
    if (renamed !== undefined) edits.messages = renamed;
  }
  return { edits, losses };
}

/** A search of the bytes, so that a request without such a message is not parsed for it. */
function mentionsOtherRole(bytes: Uint8Array, role: 'system' | 'developer'): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(
    role === 'system' ? '"developer"' : '"system"',
  );
}

/** The messages with their instructions under `role`; undefined when they already are. */
function withSystemRole(messages: Json, role: 'system' | 'developer'): Json | undefined {
  if (!Array.isArray(messages)) return undefined;
  const other = role === 'system' ? 'developer' : 'system';
  const needsIt = (message: Json) => isObject(message) && message.role === other;
  if (!messages.some(needsIt)) return undefined;
  return messages.map((message) => (isObject(message) && message.role === other ? { ...message, role } : message));
}
