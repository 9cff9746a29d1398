import { beforeEach, describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { Fault } from '@turnpike/wire/fault.ts';
import { KeyTable, sha256Hex } from '../policy/identify.ts';
import { adminScopes, roleScopes, roles } from './admin-scope.ts';
import type { Entity, EntityBody, EntityKind } from './entity.ts';
import { KeyDirectory } from './key-directory.ts';
import { digestKeysOf, SecretDigest } from './secret-digest.ts';

const digest = new SecretDigest(digestKeysOf('a secret of at least thirty-two characters'));
let directory: KeyDirectory;
let table: KeyTable;
beforeEach(() => {
  directory = new KeyDirectory(digest);
  table = new KeyTable(directory);
});

function entity(kind: EntityKind, id: string, body: EntityBody = {}, place: Partial<Entity> = {}): Entity {
  return {
    id,
    kind,
    name: id,
    organisationId: undefined,
    teamId: undefined,
    userId: undefined,
    projectId: undefined,
    version: 1,
    createdAtMs: 0,
    updatedAtMs: 0,
    digest: undefined,
    previousDigest: undefined,
    body,
    ...place,
  };
}

const digestOf = (key: string) => digest.ofKey(sha256Hex(key));

function key(text: string, body: EntityBody = {}, place: Partial<Entity> = {}): Entity {
  return entity('key', `key-${text}`, body, { digest: digestOf(text), ...place });
}

/** The caller's name, or the code of the refusal. */
function identified(text: string, address?: string): string {
  try {
    return table.identify(new Headers({ 'x-api-key': text }), () => address).name;
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

describe('stored keys', () => {
  test('are found by their keyed digest, at once and again', () => {
    directory.apply([key('one'), key('two')]);
    expect([identified('one'), identified('one'), identified('two'), identified('three')]).toEqual([
      'key-one',
      'key-one',
      'key-two',
      'key_unknown',
    ]);
    expect(directory.find(digestOf('one'))).toBeUndefined();
  });

  test('that were found are not found any more once they are gone or changed', () => {
    directory.apply([key('one')]);
    expect(identified('one')).toBe('key-one');
    directory.apply([key('one', { isBlocked: true })]);
    expect(identified('one')).toBe('key_blocked');
    directory.apply([], ['key-one']);
    expect(identified('one')).toBe('key_unknown');
    directory.apply([key('one', {}, { digest: digestOf('other') })]);
    expect([identified('one'), identified('other')]).toEqual(['key_unknown', 'key-one']);
  });

  test('come after those of the configuration', () => {
    directory.apply([key('one')]);
    table.add(sha256Hex('one'), { name: 'configured', isAdmin: false });
    expect(identified('one')).toBe('configured');
  });

  test('are accepted after a rotation for as long as was said', () => {
    const rotated = (previousUntilMs: number) =>
      key('new', { previousUntilMs }, { previousDigest: digestOf('old'), version: 2 });
    directory.apply([rotated(Date.now() + 60_000)]);
    expect([identified('old'), identified('new')]).toEqual(['key-new', 'key-new']);
    directory.apply([rotated(Date.now() - 1)]);
    expect([identified('old'), identified('new')]).toEqual(['key_expired', 'key-new']);
  });

  test('expire, and are held to addresses and tags', () => {
    directory.apply([
      key('late', { policy: { expiresAtMs: Date.now() - 1 } }),
      key('near', { policy: { ipAllow: ['10.0.0.0/8'] } }),
      key('bare', { policy: { tagsRequired: ['team-x'] } }),
      key('full', { policy: { tagsRequired: ['team-x'] }, tags: ['team-x'] }),
    ]);
    expect(identified('late')).toBe('key_expired');
    expect([identified('near', '10.1.1.1'), identified('near', '11.1.1.1'), identified('near')]).toEqual([
      'key-near',
      'address_forbidden',
      'address_forbidden',
    ]);
    expect([identified('bare'), identified('full')]).toEqual(['tags_missing', 'key-full']);
  });
});

describe('levels', () => {
  test.each(['organisationId', 'teamId', 'projectId', 'userId'] as const)('a key is blocked by its %s', (column) => {
    const kinds = { organisationId: 'organisation', teamId: 'team', projectId: 'project', userId: 'user' } as const;
    directory.apply([entity(kinds[column], 'above'), key('one', {}, { [column]: 'above' }), key('two')]);
    expect(identified('one')).toBe('key-one');
    directory.apply([entity(kinds[column], 'above', { isBlocked: true })]);
    expect([identified('one'), identified('two')]).toEqual(['key_blocked', 'key-two']);
    directory.apply([entity(kinds[column], 'above')]);
    expect(identified('one')).toBe('key-one');
  });

  test('scopes go from the key outwards, by name', () => {
    directory.apply([
      entity('organisation', 'acme'),
      entity('team', 'web'),
      entity('user', 'ann'),
      entity('project', 'shop'),
      key('one', { tags: ['t'] }, { organisationId: 'acme', teamId: 'web', userId: 'ann', projectId: 'shop' }),
    ]);
    expect(directory.find(sha256Hex('one'))?.caller.scopes.map(({ type, id }) => `${type}:${id}`)).toEqual([
      'key:key-one',
      'user:ann',
      'team:web',
      'organisation:acme',
      'project:shop',
      'tag:t',
    ]);
  });

  test('a model group that is changed or gone holds at once; one that is not there allows nothing', () => {
    const models = () => {
      const lists = directory.find(sha256Hex('one'))?.caller.policy.models ?? [];
      return lists.map((list) => list.map(({ pattern }) => pattern));
    };
    directory.apply([key('one', { policy: { modelGroups: ['fast'], models: ['a'] } })]);
    expect(models()).toEqual([['a']]);
    directory.apply([entity('model-group', 'fast', { models: ['b', 'c-*'] })]);
    expect(models()).toEqual([['a', 'b', 'c-*']]);
    directory.apply([], ['fast']);
    expect(models()).toEqual([['a']]);
  });
});

describe('admin rights', () => {
  const rights = () => directory.find(sha256Hex('one'))?.caller.admin;
  const given = ['keys:write', 'teams:write', 'teams:read'] as const;

  test('are none without scopes, and bound to where the key belongs', () => {
    directory.apply([key('one')]);
    expect(rights()).toBeUndefined();
    directory.apply([key('one', { adminScopes: given })]);
    expect(rights()).toEqual({ scopes: given, organisationId: undefined, teamId: undefined });
    directory.apply([key('one', { adminScopes: given }, { organisationId: 'acme', teamId: 'web' })]);
    expect(rights()).toEqual({ scopes: given, organisationId: undefined, teamId: 'web' });
  });

  test("of a user's key are what the user's role allows, at the moment", () => {
    const place = { teamId: 'web', userId: 'ann' };
    const member = (role: EntityBody['role']) => entity('membership', 'm', { role }, place);
    directory.apply([entity('team', 'web'), entity('user', 'ann'), key('one', { adminScopes: given }, place)]);
    expect(rights()?.scopes).toEqual([]);
    directory.apply([member('owner')]);
    expect(rights()?.scopes).toEqual([...given]);
    directory.apply([member('member')]);
    expect(rights()?.scopes).toEqual(['keys:write', 'teams:read']);
    directory.apply([member('viewer')]);
    expect(rights()?.scopes).toEqual(['teams:read']);
    directory.apply([], ['m']);
    expect(rights()?.scopes).toEqual([]);
  });
});

test('docs/keys.md shows the roles', async () => {
  const lines = roles.map((role) => {
    const scopes = roleScopes[role];
    const words = scopes.length === adminScopes.length ? 'all' : scopes.map((scope) => `\`${scope}\``).join(', ');
    return `| ${role} | ${words} |`;
  });
  const page = await Bun.file(join(import.meta.dir, '../../../../docs/keys.md')).text();
  expect(page).toContain(lines.join('\n'));
});
