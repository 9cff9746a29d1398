import { isObject, type Json } from '@turnpike/wire/json/value.ts';

/** JSON text that is the same for equal values: names sorted, no white space. */
export function canonicalJson(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const fields: string[] = [];
  for (const name of Object.keys(value).sort()) {
    if (value[name] !== undefined) fields.push(`${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  }
  return `{${fields.join(',')}}`;
}
