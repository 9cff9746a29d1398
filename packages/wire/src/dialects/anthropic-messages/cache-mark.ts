import type { CacheMark } from '../../canon/part.ts';
import type { Residue } from '../../canon/residue.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { type Fields, ownFields } from './fields.ts';

/**
 * Reads `cache_control` of a node. Fields beside `type` and `ttl` stay in the node's residue under the same name.
 *
 * @see https://docs.claude.com/en/docs/build-with-claude/prompt-caching
 */
export function readCacheMark(fields: Fields): CacheMark | undefined {
  const value = fields.present('cache_control');
  if (!isObject(value) || value.type !== 'ephemeral') return undefined;
  const { type: _, ttl, ...rest } = value;
  const mark: CacheMark = {};
  if (typeof ttl === 'string') mark.ttl = ttl;
  else if (ttl !== undefined) rest.ttl = ttl;
  if (Object.keys(rest).length > 0) fields.keep('cache_control', rest);
  else fields.take('cache_control');
  return mark;
}

/** Residue fields and cache mark of a node, to be spread into what is written for it. */
export function carried(node: { cacheMark?: CacheMark; residue?: Residue }): JsonObject {
  const fields = ownFields(node.residue);
  if (node.cacheMark === undefined) return fields;
  const rest = isObject(fields.cache_control) ? fields.cache_control : {};
  const ttl = node.cacheMark.ttl === undefined ? {} : { ttl: node.cacheMark.ttl };
  return { ...fields, cache_control: { type: 'ephemeral', ...ttl, ...rest } };
}
