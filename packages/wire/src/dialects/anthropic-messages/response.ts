import { type Loss, loseResidue } from '../../canon/loss.ts';
import { withResidue } from '../../canon/residue.ts';
import type { CanonResponse, Choice } from '../../canon/response.ts';
import type { ReadResponseOptions, WriteResponseOptions } from '../../dialect.ts';
import { Fault } from '../../fault.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { readBlocks, readContext, writeContext } from './blocks.ts';
import { ANTHROPIC, Fields, ownFields } from './fields.ts';
import { answerContent, readFinish, writeFinish } from './finish.ts';
import { readUsage, writeUsage } from './usage.ts';

/** Reads a whole message. @throws Fault `upstream_garbled` when the body is none. */
export function readResponse(body: JsonObject, options: ReadResponseOptions): CanonResponse {
  const fields = new Fields(body, '', 'upstream_garbled');
  const content = fields.list('content');
  if (content === undefined) {
    const message = isObject(body.error) ? body.error.message : undefined;
    const said = typeof message === 'string' ? `: ${message}` : '.';
    throw new Fault('upstream_garbled', { message: `The provider sent no message of anthropic-messages${said}` });
  }
  const parts = readBlocks(content, 'content', readContext('upstream_garbled', options.toolNames));
  const choice: Choice = { index: 0, parts };
  const head = readHead(fields);
  const finish = readFinish(fields);
  if (finish) choice.finish = finish;
  const response: CanonResponse = { ...head, choices: [choice] };
  const usage = fields.object('usage');
  if (usage) response.usage = readUsage(usage);
  const residue = fields.residue();
  if (residue) response.residue = residue;
  return response;
}

/** Takes what names the message: `id`, `model`, and the constants. */
export function readHead(fields: Fields): { id: string; model: string } {
  const { type, role } = fields.source;
  if (type === 'message') fields.take('type');
  if (role === 'assistant') fields.take('role');
  return { id: fields.string('id') ?? '', model: fields.string('model') ?? '' };
}

export function writeResponse(response: CanonResponse, options: WriteResponseOptions) {
  const losses: Loss[] = [];
  const [first, ...others] = response.choices;
  for (const choice of others) {
    losses.push({ path: `choices[${choice.index}]`, kind: 'dropped', reason: 'an answer is one message here' });
  }
  if (first === undefined) losses.push(CHOICE_ADDED);
  const parts = first?.parts ?? [];
  const path = 'choices[0]';
  loseHead(response, losses);
  if (first?.logprobs) losses.push({ path: `${path}.logprobs`, kind: 'dropped', reason: 'there are none here' });
  loseResidue(losses, path, first?.residue, ANTHROPIC);
  const body: JsonObject = {
    ...headFields(response, options),
    content: writeContext('response', losses).blocks(parts, `${path}.parts`),
    ...writeFinish(first?.finish, answerContent(parts), losses, `${path}.finish`),
    usage: writeUsage(response.usage, losses),
    ...ownFields(withResidue(response.residue, ANTHROPIC, ownFields(first?.residue))),
  };
  return { body, losses };
}

/** An answer without any choice becomes an empty message. */
export const CHOICE_ADDED: Loss = {
  path: 'choices[0]',
  kind: 'added',
  reason: 'a message is an answer, even if empty',
};

/** The fields that name a message, as both a whole one and the start of a stream show them. */
export function headFields(head: { id: string; model: string }, options: WriteResponseOptions): JsonObject {
  return {
    id: head.id === '' ? options.fallbackId : head.id,
    type: 'message',
    role: 'assistant',
    model: options.model ?? head.model,
  };
}

/** Reports what the head of a response says that a message has no field for. */
export function loseHead(
  head: Pick<CanonResponse, 'id' | 'createdSec' | 'serviceTier' | 'residue'>,
  losses: Loss[],
): void {
  if (head.id === '') losses.push({ path: 'id', kind: 'added', reason: 'a message must have an id' });
  if (head.createdSec !== undefined)
    losses.push({ path: 'createdSec', kind: 'dropped', reason: 'a message has no time' });
  if (head.serviceTier !== undefined) {
    losses.push({ path: 'serviceTier', kind: 'dropped', reason: 'the tiers of this dialect are others' });
  }
  loseResidue(losses, '', head.residue, ANTHROPIC);
}
