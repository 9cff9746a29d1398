import { loseResidue } from '../../canon/loss.ts';
import type { ToolCallPart } from '../../canon/part.ts';
import type { CanonRequest } from '../../canon/request.ts';
import { drop, type Placed, type WriteContext } from './context.ts';
import { CHAT, Draft, type Fields, noteOf } from './fields.ts';
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

/** Is this call to be told by `function_call`: because it was read there, or since the client knows nothing else? */
export function isLegacyCall(part: ToolCallPart, context: WriteContext): boolean {
  return noteOf(part.residue, '~legacy') === true || isForeignCall(part, context);
}

function isForeignCall(part: ToolCallPart, context: WriteContext): boolean {
  return context.legacyFunctions && part.residue?.[CHAT] === undefined;
}

/**
 * Reports what `function_call` cannot say of a call from another dialect.
 *
 * @param isFirst Whether no other call of the choice stands in `function_call` yet.
 * @returns Whether the call can be told at all.
 */
export function reportLegacyCall(
  { part, path }: Placed<ToolCallPart>,
  isFirst: boolean,
  context: WriteContext,
): boolean {
  if (!isForeignCall(part, context)) return true;
  if (isFirst) drop(context, `${path}.id`, 'function_call has no id');
  else drop(context, path, 'function_call holds one call, and the client asked by functions');
  return isFirst;
}

/** Did a client of this dialect declare its tools as `functions`, and as nothing else? */
export function asksByFunctions({ tools = [] }: CanonRequest): boolean {
  return (
    tools.length > 0 && tools.every((tool) => tool.type === 'function' && noteOf(tool.residue, '~legacy') === true)
  );
}

export function writeFunctionCall(draft: Draft, placed: Placed<ToolCallPart>, context: WriteContext): void {
  if (!reportLegacyCall(placed, draft.body.function_call === undefined, context)) return;
  const { part, path } = placed;
  loseResidue(context.losses, path, part.residue, CHAT);
  const call = Draft.of(part.residue);
  call.set('name', context.toolName(part.name));
  const noted = call.note('~arguments');
  if (!Array.isArray(noted) || noted[0] !== part.argumentsJson) call.set('arguments', part.argumentsJson);
  else if (noted[1] !== 'absent') call.set('arguments', noted[1]);
  draft.set('function_call', call.done());
}
