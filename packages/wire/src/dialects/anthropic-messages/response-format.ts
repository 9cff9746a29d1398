import { type Loss, loseResidue } from '../../canon/loss.ts';
import type { CanonRequest } from '../../canon/request.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { ANTHROPIC, formNote, ownFields } from './fields.ts';

/**
 * Writes the output format, in the field it is asked for with.
 *
 * @see https://docs.claude.com/en/docs/build-with-claude/structured-outputs
 */
export function writeResponseFormat(
  request: CanonRequest,
  losses: Loss[],
): { field: 'output_config' | 'output_format'; format: JsonObject } | undefined {
  const format = request.responseFormat;
  if (format === undefined) return undefined;
  if (format.type === 'opaque') return lose(losses, `a format only ${format.dialect} knows`);
  loseResidue(losses, 'responseFormat', format.residue, ANTHROPIC);
  if (format.type === 'text') return undefined;
  if (format.type === 'json') return lose(losses, 'JSON cannot be asked for without a schema');
  for (const name of ['name', 'description', 'strict'] as const) {
    if (format[name] === undefined) continue;
    losses.push({
      path: `responseFormat.${name}`,
      kind: 'dropped',
      reason: `${name} cannot be said; a schema always binds`,
    });
  }
  const isOwn = formNote(request.residue, 'own') === true;
  const schema = isOwn ? format.schema : closed(format.schema);
  if (schema !== format.schema) {
    const reason = 'every object must forbid further properties here';
    losses.push({ path: 'responseFormat.schema', kind: 'changed', reason });
  }
  const field = formNote(format.residue, 'field') === 'output_format' ? 'output_format' : 'output_config';
  return { field, format: { type: 'json_schema', schema, ...ownFields(format.residue) } };
}

function lose(losses: Loss[], reason: string): undefined {
  losses.push({ path: 'responseFormat', kind: 'dropped', reason });
  return undefined;
}

/** Names whose values are schemas, lists of schemas, or objects of schemas. */
const HOLDERS: ReadonlySet<string> = new Set(['items', 'anyOf', 'allOf', 'oneOf', 'prefixItems', 'not']);
const HOLDERS_BY_NAME: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions']);

/** The schema with `additionalProperties: false` in every object; the same value when nothing was missing. */
function closed(schema: Json): Json {
  if (Array.isArray(schema)) {
    const items = schema.map(closed);
    return items.some((item, i) => item !== schema[i]) ? items : schema;
  }
  if (!isObject(schema)) return schema;
  const result: JsonObject = {};
  let isChanged = false;
  for (const name in schema) {
    const value = schema[name];
    const next = HOLDERS.has(name) ? closed(value ?? null) : HOLDERS_BY_NAME.has(name) ? closedEach(value) : value;
    isChanged ||= next !== value;
    result[name] = next;
  }
  if (isObjectSchema(schema) && schema.additionalProperties === undefined) {
    result.additionalProperties = false;
    isChanged = true;
  }
  return isChanged ? result : schema;
}

function closedEach(named: Json | undefined): Json | undefined {
  if (!isObject(named)) return named;
  const result: JsonObject = {};
  let isChanged = false;
  for (const name in named) {
    result[name] = closed(named[name] ?? null);
    isChanged ||= result[name] !== named[name];
  }
  return isChanged ? result : named;
}

function isObjectSchema(schema: JsonObject): boolean {
  return schema.type === 'object' || (Array.isArray(schema.type) && schema.type.includes('object'));
}
