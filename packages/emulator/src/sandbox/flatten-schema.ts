import { asNumber, isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';

/** Resolves `$ref` and merges `allOf` and the first branch of `anyOf`/`oneOf` into one object schema. */
export function flattenSchema(schema: JsonObject, root: Json, left = 16): JsonObject {
  let flat: JsonObject = { ...schema };
  if (left === 0) return flat;
  const merge = (other: Json | undefined) => {
    if (isObject(other)) flat = mergeSchemas(flat, flattenSchema(other, root, left - 1));
  };
  if (typeof schema.$ref === 'string') merge(resolveRef(root, schema.$ref));
  if (Array.isArray(schema.allOf)) schema.allOf.forEach(merge);
  for (const branches of [schema.anyOf, schema.oneOf]) {
    // A branch that may be null ends recursion sooner, but says less: it is taken only when there is no other.
    if (Array.isArray(branches))
      merge(branches.find((branch) => isObject(branch) && branch.type !== 'null') ?? branches[0]);
  }
  return flat;
}

function mergeSchemas(first: JsonObject, second: JsonObject): JsonObject {
  const merged: JsonObject = { ...second, ...first };
  if (isObject(first.properties) && isObject(second.properties)) {
    merged.properties = mergeProperties(first.properties, second.properties);
  }
  if (Array.isArray(first.required) && Array.isArray(second.required)) {
    merged.required = [...first.required, ...second.required];
  }
  if (Array.isArray(first.enum) && Array.isArray(second.enum)) {
    const allowed = new Set(second.enum.map((value) => JSON.stringify(value)));
    merged.enum = first.enum.filter((value) => allowed.has(JSON.stringify(value)));
  }
  for (const name of LOWER_BOUNDS) tighten(merged, name, first, second, Math.max);
  for (const name of UPPER_BOUNDS) tighten(merged, name, first, second, Math.min);
  return merged;
}

const LOWER_BOUNDS = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER_BOUNDS = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'];

function tighten(
  merged: JsonObject,
  name: string,
  first: JsonObject,
  second: JsonObject,
  choose: typeof Math.max,
): void {
  const [one, other] = [asNumber(first[name]), asNumber(second[name])];
  if (one !== undefined && other !== undefined) merged[name] = choose(one, other);
}

/** A property described in both must satisfy both. */
function mergeProperties(first: JsonObject, second: JsonObject): JsonObject {
  const merged: JsonObject = { ...second, ...first };
  for (const [name, one] of Object.entries(first)) {
    const other = second[name];
    if (one !== undefined && other !== undefined) merged[name] = { allOf: [one, other] };
  }
  return merged;
}

function resolveRef(root: Json, ref: string): Json | undefined {
  if (!ref.startsWith('#')) return undefined;
  let at: Json | undefined = root;
  for (const step of ref.slice(1).split('/').slice(1)) {
    const name = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
    at = Array.isArray(at) ? at[Number(name)] : isObject(at) ? at[name] : undefined;
  }
  return at;
}
