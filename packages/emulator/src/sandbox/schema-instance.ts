import { asNumber, isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import { flattenSchema } from './flatten-schema.ts';
import { textMatching } from './pattern-text.ts';

/** Optional properties are made down to this depth, deeper only the required ones: recursive schemas end. */
const OPTIONAL_DEPTH_MAX = 4;
const DEPTH_MAX = 32;

/**
 * A value that satisfies a JSON Schema, the same each time. Understands `$ref` within the schema, `const`, `enum`, `type`,
 * `properties`, `required`, `minProperties`, `items`, `prefixItems`, `minItems`, `uniqueItems`, string lengths, `pattern` (without
 * look-around) and usual `format`s, number ranges and `multipleOf`, `allOf`, and the first branch of `anyOf` and `oneOf`.
 * `not`, `if` and `contains` are not looked at.
 */
export function instanceOf(schema: Json): Json {
  return make(schema, { root: schema, depth: 0, name: 'value' });
}

interface Place {
  root: Json;
  depth: number;
  /** The property being made: names the made-up text. */
  name: string;
}

function make(schema: Json, place: Place): Json {
  if (!isObject(schema) || place.depth > DEPTH_MAX) return place.depth > DEPTH_MAX ? null : 'sandbox';
  const flat = flattenSchema(schema, place.root);
  if (flat.const !== undefined) return flat.const;
  if (Array.isArray(flat.enum)) return flat.enum[0] ?? null;
  switch (typeOf(flat)) {
    case 'object':
      return makeObject(flat, place);
    case 'array':
      return makeArray(flat, place);
    case 'string':
      return makeString(flat, place.name);
    case 'integer':
      return makeNumber(flat, true);
    case 'number':
      return makeNumber(flat, false);
    case 'boolean':
      return true;
    default:
      return null;
  }
}

function typeOf(schema: JsonObject): string {
  const { type } = schema;
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return String(type.find((one) => one !== 'null') ?? 'null');
  if (schema.properties !== undefined || schema.required !== undefined || schema.additionalProperties !== undefined) {
    return 'object';
  }
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'array';
  if (schema.minimum !== undefined || schema.maximum !== undefined || schema.multipleOf !== undefined) return 'number';
  return 'string';
}

function makeObject(schema: JsonObject, place: Place): JsonObject {
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = new Set(Array.isArray(schema.required) ? schema.required.map(String) : []);
  const made: JsonObject = {};
  const put = (name: string, of: Json | undefined) => {
    made[name] = make(of ?? {}, { ...place, depth: place.depth + 1, name });
  };
  for (const [name, of] of Object.entries(properties)) {
    if (required.has(name) || place.depth < OPTIONAL_DEPTH_MAX) put(name, of);
  }
  const more = schema.additionalProperties;
  for (const name of required) if (!(name in made)) put(name, isObject(more) ? more : {});
  const least = asNumber(schema.minProperties) ?? 0;
  for (let n = 1; Object.keys(made).length < least; n++) put(`extra_${n}`, isObject(more) ? more : {});
  return made;
}

function makeArray(schema: JsonObject, place: Place): Json[] {
  const prefix = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  const least = asNumber(schema.minItems) ?? 0;
  const most = asNumber(schema.maxItems) ?? Number.POSITIVE_INFINITY;
  const open = schema.items !== false && schema.items !== undefined;
  const wanted = place.depth < OPTIONAL_DEPTH_MAX && open ? prefix.length + 1 : prefix.length;
  const length = Math.min(most, Math.max(least, wanted));
  const inner = { ...place, depth: place.depth + 1 };
  const made = Array.from({ length }, (_, at) => make(prefix[at] ?? schema.items ?? {}, inner));
  return schema.uniqueItems === true ? made.map((item, at) => distinct(item, at, schema.items)) : made;
}

/** Makes the `at`-th of equal items differ: the next of an enum, the next number, a numbered text. */
function distinct(item: Json, at: number, schema: Json | undefined): Json {
  if (isObject(schema) && Array.isArray(schema.enum)) return schema.enum[at] ?? item;
  if (typeof item === 'number') return item + at * ((isObject(schema) && asNumber(schema.multipleOf)) || 1);
  return typeof item === 'string' && at > 0 ? `${item} ${at + 1}` : item;
}

const FORMATS: Record<string, string> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  duration: 'PT1S',
  email: 'sandbox@example.com',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  uri: 'https://example.com/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

function makeString(schema: JsonObject, name: string): string {
  if (typeof schema.format === 'string' && FORMATS[schema.format] !== undefined) return FORMATS[schema.format] ?? '';
  const least = asNumber(schema.minLength) ?? 0;
  const most = asNumber(schema.maxLength) ?? Number.POSITIVE_INFINITY;
  if (typeof schema.pattern === 'string') {
    const text = textMatching(schema.pattern, least);
    if (text !== undefined) return text;
  }
  return `sandbox ${name}`.padEnd(least, '.').slice(0, most);
}

/** The number in range nearest to 1, on the grid of `multipleOf`. */
function makeNumber(schema: JsonObject, whole: boolean): number {
  const step = asNumber(schema.multipleOf) ?? (whole ? 1 : undefined);
  const nudge = step ?? 0.5;
  const above = asNumber(schema.exclusiveMinimum);
  const below = asNumber(schema.exclusiveMaximum);
  const least = Math.max(
    asNumber(schema.minimum) ?? Number.NEGATIVE_INFINITY,
    above === undefined ? Number.NEGATIVE_INFINITY : above,
  );
  const most = Math.min(
    asNumber(schema.maximum) ?? Number.POSITIVE_INFINITY,
    below === undefined ? Number.POSITIVE_INFINITY : below,
  );
  if (step === undefined) {
    if (least < 1 && 1 < most) return 1;
    if (Number.isFinite(least) && Number.isFinite(most)) return (least + most) / 2;
    return Number.isFinite(least) ? least + nudge : most - nudge;
  }
  let value = Math.ceil(Math.min(Math.max(1, least), most) / step) * step;
  if (value > most || value === below) value -= step;
  if (value < least || value === above) value += step;
  return Number(value.toPrecision(12)); // 3 * 0.1 is 0.30000000000000004.
}
