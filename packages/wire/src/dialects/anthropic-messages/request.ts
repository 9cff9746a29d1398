import type { Part } from '../../canon/part.ts';
import type { CanonRequest, Message, Sampling } from '../../canon/request.ts';
import { Fault } from '../../fault.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { readBlocks, readContext } from './blocks.ts';
import { readCacheMark } from './cache-mark.ts';
import { Fields } from './fields.ts';
import { readOutputConfig, readThinking } from './reasoning.ts';
import { readToolChoice, readTools } from './tools.ts';

const ROLES = ['user', 'assistant', 'system'] as const;

/**
 * Reads a request. `system` becomes a leading system message; everything else stands where it stood.
 *
 * @throws Fault `body_invalid`, naming the field.
 * @see https://docs.claude.com/en/api/messages
 */
export function readRequest(body: JsonObject): CanonRequest {
  const fields = new Fields(body, '', 'body_invalid');
  fields.note('own', true);
  const messages = readMessages(fields);
  const request: CanonRequest = { model: fields.string('model') ?? '', messages, sampling: readSampling(fields) };
  const maxOutputTokens = fields.number('max_tokens');
  if (maxOutputTokens !== undefined) request.maxOutputTokens = maxOutputTokens;
  const stop = readStop(fields);
  if (stop) request.stop = stop;
  const stream = fields.boolean('stream');
  if (stream !== undefined) request.stream = stream;
  const serviceTier = fields.string('service_tier');
  if (serviceTier !== undefined) request.serviceTier = serviceTier;
  const cacheMark = readCacheMark(fields);
  if (cacheMark) request.cacheMark = cacheMark;
  const userId = readUserId(fields);
  if (userId !== undefined) request.userId = userId;
  const tools = readTools(fields);
  if (tools) request.tools = tools;
  readToolChoice(fields, request);
  readThinking(fields, request);
  readOutputConfig(fields, request);
  const residue = fields.residue();
  if (residue) request.residue = residue;
  return request;
}

function readMessages(fields: Fields): Message[] {
  const list = fields.list('messages');
  if (list === undefined) throw fields.wrong('messages', 'a list');
  const messages = list.map((message, i) => readMessage(message, `messages[${i}]`));
  const system = fields.present('system');
  if (system === undefined) return messages;
  fields.take('system');
  const { parts, form } = readContent(system, 'system');
  const leading: Message = {
    role: 'system',
    parts,
    residue: { 'anthropic-messages': { '~place': 'system', '~content': form } },
  };
  return [leading, ...messages];
}

function readMessage(value: Json, path: string): Message {
  if (!isObject(value)) throw new Fault('body_invalid', { param: path, message: `${path} must be an object.` });
  const fields = new Fields(value, path, 'body_invalid');
  const said = fields.string('role');
  const role = ROLES.find((known) => known === said);
  if (role === undefined) throw fields.wrong('role', 'user, assistant or system');
  const content = fields.present('content');
  if (content === undefined) throw fields.wrong('content', 'text or a list of blocks');
  fields.take('content');
  const { parts, form } = readContent(content, fields.at('content'));
  fields.note('content', form);
  return { role, parts, residue: fields.residue() };
}

function readContent(content: Json, path: string): { parts: Part[]; form: 'string' | 'list' } {
  if (typeof content === 'string') return { parts: [{ type: 'text', text: content }], form: 'string' };
  if (!Array.isArray(content)) {
    throw new Fault('body_invalid', { param: path, message: `${path} must be text or a list of blocks.` });
  }
  return { parts: readBlocks(content, path, readContext('body_invalid')), form: 'list' };
}

function readSampling(fields: Fields): Sampling {
  const sampling: Sampling = {};
  const temperature = fields.number('temperature');
  const topP = fields.number('top_p');
  const topK = fields.number('top_k');
  if (temperature !== undefined) sampling.temperature = temperature;
  if (topP !== undefined) sampling.topP = topP;
  if (topK !== undefined) sampling.topK = topK;
  return sampling;
}

function readStop(fields: Fields): string[] | undefined {
  const list = fields.list('stop_sequences');
  return list?.map((value, i) => {
    if (typeof value !== 'string') throw fields.wrong(`stop_sequences[${i}]`, 'a string');
    return value;
  });
}

function readUserId(fields: Fields): string | undefined {
  const metadata = fields.present('metadata');
  if (!isObject(metadata) || typeof metadata.user_id !== 'string') return undefined;
  const { user_id: userId, ...rest } = metadata;
  if (Object.keys(rest).length > 0) fields.keep('metadata', rest);
  else fields.take('metadata');
  return userId;
}
