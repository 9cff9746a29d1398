import { loseResidue } from '../../canon/loss.ts';
import type { ResponseFormat } from '../../canon/request.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { change, drop, type WriteContext } from './context.ts';
import { CHAT, Draft, type Fields } from './fields.ts';

export function readResponseFormat(body: Fields): ResponseFormat | undefined {
  const fields = body.nested('response_format');
  if (fields === undefined) return undefined;
  const type = fields.take('type');
  const read = type === 'json_schema' ? readSchema(fields) : bareFormat(type);
  if (read === undefined) return { type: 'opaque', dialect: CHAT, value: fields.source };
  const residue = fields.residue();
  if (residue !== undefined) read.residue = residue;
  return read;
}

type KnownFormat = Exclude<ResponseFormat, { type: 'opaque' }>;

function bareFormat(type: unknown): KnownFormat | undefined {
  if (type === 'text') return { type: 'text' };
  return type === 'json_object' ? { type: 'json' } : undefined;
}

function readSchema(fields: Fields): KnownFormat | undefined {
  const value = fields.source.json_schema;
  if (!isObject(value) || value.schema === undefined || value.schema === null) return undefined;
  const inner = fields.nested('json_schema');
  const schema = inner?.take('schema');
  if (inner === undefined || schema === undefined) return undefined;
  const format: KnownFormat = { type: 'json-schema', schema };
  const [name, description, strict] = [inner.string('name'), inner.string('description'), inner.boolean('strict')];
  if (name !== undefined) format.name = name;
  if (description !== undefined) format.description = description;
  if (strict !== undefined) format.strict = strict;
  inner.note('~own', true);
  fields.keep('json_schema', inner);
  return format;
}

export function writeResponseFormat(body: Draft, format: ResponseFormat, context: WriteContext): void {
  if (format.type === 'opaque') {
    if (format.dialect === CHAT) body.set('response_format', format.value as JsonObject);
    else drop(context, 'responseFormat', `a format only ${format.dialect} knows`);
    return;
  }
  loseResidue(context.losses, 'responseFormat', format.residue, CHAT);
  const allowed = context.quirks.responseFormats;
  if (format.type !== 'text' && allowed !== undefined && !allowed.includes(format.type)) {
    writeInstead(body, allowed, context);
    return;
  }
  const draft = Draft.of(format.residue);
  if (format.type === 'json-schema') {
    draft.set('type', 'json_schema');
    draft.set('json_schema', writeSchema(new Draft(draft.inner('json_schema')), format, context));
  } else draft.set('type', format.type === 'json' ? 'json_object' : 'text');
  body.set('response_format', draft.done());
}

/** The next best format: JSON of any shape for a schema, and nothing for plain JSON. */
function writeInstead(body: Draft, allowed: readonly string[], context: WriteContext): void {
  if (!allowed.includes('json')) {
    drop(context, 'responseFormat', 'the provider has no such response format');
    return;
  }
  change(context, 'responseFormat', 'the provider answers in JSON but takes no schema');
  body.set('response_format', { type: 'json_object' });
}

function writeSchema(
  draft: Draft,
  format: ResponseFormat & { type: 'json-schema' },
  context: WriteContext,
): JsonObject {
  if (format.name !== undefined) draft.set('name', format.name);
  else if (draft.note('~own') === undefined) {
    draft.set('name', 'response');
    context.losses.push({ path: 'responseFormat.name', kind: 'added', reason: 'the dialect demands a name' });
  }
  draft.set('description', format.description);
  draft.set('schema', format.schema);
  draft.set('strict', format.strict);
  return draft.done();
}
