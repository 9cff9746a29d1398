import { describe, expect, test } from 'bun:test';
import { Fault } from '@turnpike/wire/fault.ts';
import { mayUse } from './caller.ts';
import { KeyTable, sha256Hex } from './identify.ts';

const keys = new KeyTable();
keys.add(sha256Hex('sk-admin-0123456789'), { name: 'admin', isAdmin: true });
keys.add(sha256Hex('sk-web-0123456789ab'), { name: 'web', isAdmin: false, models: ['gpt-*', 'claude-3.5'] });

const nowhere = () => undefined;

function codeOf(headers: Record<string, string>): string {
  try {
    return keys.identify(new Headers(headers), nowhere).name;
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

describe('identify', () => {
  test('reads the key from either header, Bearer in any case', () => {
    expect(codeOf({ authorization: 'Bearer sk-admin-0123456789' })).toBe('admin');
    expect(codeOf({ authorization: 'bearer   sk-admin-0123456789 ' })).toBe('admin');
    expect(codeOf({ 'x-api-key': 'sk-web-0123456789ab' })).toBe('web');
  });

  test('refuses without a key, with a wrong one, and with an absurd one', () => {
    expect(codeOf({})).toBe('key_missing');
    expect(codeOf({ authorization: 'Basic c2VjcmV0' })).toBe('key_missing');
    expect(codeOf({ authorization: 'Bearer ' })).toBe('key_missing');
    expect(codeOf({ authorization: 'Bearer sk-admin-012345678' })).toBe('key_unknown');
    expect(codeOf({ 'x-api-key': 'a'.repeat(10_000) })).toBe('key_unknown');
  });

  test('never repeats a whole key', () => {
    try {
      keys.identify(new Headers({ 'x-api-key': 'sk-somebody-elses-secret' }), nowhere);
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('somebody');
    }
  });

  test('a key uses only the models its patterns name', () => {
    const web = keys.identify(new Headers({ 'x-api-key': 'sk-web-0123456789ab' }), nowhere);
    expect(mayUse(web, 'gpt-4o')).toBe(true);
    expect(mayUse(web, 'claude-3.5')).toBe(true);
    expect(mayUse(web, 'claude-3x5')).toBe(false);
    expect(mayUse(web, 'not-gpt-4o')).toBe(false);
  });
});
