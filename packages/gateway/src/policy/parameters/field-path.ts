import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';

/** What stands at a path of names with dots between. @param top Reads a top-level field. */
export function readPath(path: string, top: (name: string) => Json | undefined): Json | undefined {
  const [first = '', ...rest] = path.split('.');
  let value = top(first);
  for (const name of rest) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}

/**
 * New values of top-level fields that do what edits by path say; outer ones first. An object that is not there is made; what
 * is no object is replaced by one.
 */
export function topLevelEdits(edits: JsonObject, top: (name: string) => Json | undefined): JsonObject {
  const made: JsonObject = {};
  for (const [path, value] of Object.entries(edits).toSorted(([a], [b]) => depthOf(a) - depthOf(b))) {
    const [first = '', ...rest] = path.split('.');
    const before = Object.hasOwn(made, first) ? made[first] : top(first);
    made[first] = withPath(before, rest, value);
  }
  return made;
}

function depthOf(path: string): number {
  return path.split('.').length;
}

function withPath(before: Json | undefined, [name, ...rest]: string[], value: Json | undefined): Json | undefined {
  if (name === undefined) return value;
  const object = isObject(before) ? before : {};
  const { [name]: old, ...others } = object;
  const made = withPath(old, rest, value);
  return made === undefined ? others : { ...object, [name]: made };
}
