import { isDeepStrictEqual } from 'node:util';

export type Schema = { readonly [word: string]: unknown };

/**
 * Where a value is not what an OpenAPI 3.1 schema says: one line each. Knows the words the specifications here use for
 * answers; formats are not looked at.
 *
 * @param root What `$ref` points into.
 */
export function mismatches(value: unknown, schema: Schema, root: Schema, path = '$'): string[] {
  if (typeof schema.$ref === 'string') return mismatches(value, resolved(schema.$ref, root), root, path);
  const found: string[] = [];
  for (const part of list(schema.allOf)) found.push(...mismatches(value, part, root, path));
  for (const words of [list(schema.anyOf), list(schema.oneOf)]) {
    const fitting = words.filter((part) => mismatches(value, part, root, path).length === 0);
    if (words.length > 0 && fitting.length === 0) found.push(`${path} fits none of ${words.length} schemas`);
  }
  if (Array.isArray(schema.enum) && !schema.enum.some((known) => isDeepStrictEqual(known, value)))
    found.push(`${path} is ${JSON.stringify(value)}, none of the values known`);
  if ('const' in schema && !isDeepStrictEqual(schema.const, value)) found.push(`${path} is not the constant`);
  const types = typeof schema.type === 'string' ? [schema.type] : Array.isArray(schema.type) ? schema.type : [];
  if (types.length > 0 && !types.some((type) => isOfType(value, String(type))))
    return [...found, `${path} is ${JSON.stringify(value)}, not ${types.join(' or ')}`];
  if (Array.isArray(value)) {
    const items = schema.items as Schema | undefined;
    if (items !== undefined)
      for (const [at, item] of value.entries()) found.push(...mismatches(item, items, root, `${path}[${at}]`));
  } else if (typeof value === 'object' && value !== null) {
    const fields = value as Schema;
    for (const name of (schema.required as string[] | undefined) ?? [])
      if (!(name in fields)) found.push(`${path}.${name} is missing`);
    for (const [name, part] of Object.entries((schema.properties as Record<string, Schema> | undefined) ?? {}))
      if (name in fields) found.push(...mismatches(fields[name], part, root, `${path}.${name}`));
  }
  return found;
}

function list(words: unknown): readonly Schema[] {
  return Array.isArray(words) ? words : [];
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

function resolved(reference: string, root: Schema): Schema {
  let found: unknown = root;
  for (const name of reference.replace('#/', '').split('/')) found = (found as Schema)[name];
  return found as Schema;
}
