import type { ToolCallPart } from '../../canon/part.ts';
import type { Placed, WriteContext } from './context.ts';
import { Draft, type Fields } from './fields.ts';
import { readArguments, type SpareId } from './tool-calls.ts';

/**
 * `function_call` of a message, the forerunner of `tool_calls`: it has no id, so one is made.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/object (deprecated fields)
 */
export function readFunctionCall(fields: Fields, spareId: SpareId): ToolCallPart | undefined {
  const call = fields.nested('function_call');
  if (call === undefined) return undefined;
  const name = call.string('name');
  if (name === undefined || name === '') {
    if (name === '' && !call.source.arguments) fields.blank('function_call', call.source);
    else fields.leave('function_call');
    return undefined;
  }
  const argumentsJson = readArguments(call, 'arguments');
  call.note('~legacy', true);
  return { type: 'tool-call', id: spareId(0), name, argumentsJson, ranBy: 'client', residue: call.residue() };
}

export function writeFunctionCall(draft: Draft, { part }: Placed<ToolCallPart>, context: WriteContext): void {
  const call = Draft.of(part.residue);
  call.set('name', context.toolName(part.name));
  const noted = call.note('~arguments');
  if (!Array.isArray(noted) || noted[0] !== part.argumentsJson) call.set('arguments', part.argumentsJson);
  else if (noted[1] !== 'absent') call.set('arguments', noted[1]);
  draft.set('function_call', call.done());
}
