import { describe, expect, test } from 'bun:test';
import { openCredential, readCredential, sealCredential } from './credential-entity.ts';
import type { Entity } from './entity.ts';
import { SealError, SecretSeal } from './secret-seal.ts';

const seal = new SecretSeal('a server secret of forty-two characters long', 'tests');
const secrets = { secret: 'sk-upstream-0123456789', headers: { 'x-extra': 'value' } };
const credential: Entity = {
  id: 'cred_1',
  kind: 'credential',
  name: 'main',
  organisationId: undefined,
  teamId: 'team_1',
  projectId: undefined,
  userId: undefined,
  version: 1,
  createdAtMs: 0,
  updatedAtMs: 0,
  digest: undefined,
  previousDigest: undefined,
  body: { provider: 'openai', baseUrl: 'https://api.example/v1' },
};

describe('what is sealed', () => {
  test.each(['', 'x', 'sk-upstream-0123456789', 'ключ 🔑', 'y'.repeat(20_000)])('opens again: %#', (text) => {
    const sealed = seal.seal(text, 'about');
    if (text.length > 3) expect(sealed).not.toContain(text);
    expect(seal.open(sealed, 'about')).toBe(text);
  });

  test('is another text each time', () => {
    const times = new Set(Array.from({ length: 500 }, () => seal.seal('the same', 'about')));
    expect(times.size).toBe(500);
  });

  test('does not open for something else, for another purpose or by another secret', () => {
    const sealed = seal.seal('text', 'about');
    expect(() => seal.open(sealed, 'about it')).toThrow(SealError);
    expect(() => new SecretSeal('a server secret of forty-two characters long', 'other').open(sealed, 'about')).toThrow(
      SealError,
    );
    expect(() => new SecretSeal('another server secret, of that length too', 'tests').open(sealed, 'about')).toThrow(
      SealError,
    );
  });

  test('does not open when any bit of it is another', () => {
    const bytes = Buffer.from(seal.seal('text', 'about').slice(3), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => seal.open(`v1.${changed.toString('base64url')}`, 'about')).toThrow(SealError);
    }
  });

  test.each(['', 'v1.', 'v1.AAAA', 'text', `v2.${'A'.repeat(60)}`])('is not "%s"', (text) => {
    expect(() => seal.open(text, 'about')).toThrow(SealError);
  });
});

describe('a sealed credential', () => {
  const sealed = sealCredential(credential, secrets, seal);

  test('has nothing in clear, and opens', () => {
    expect(JSON.stringify(sealed)).not.toMatch(/sk-upstream|"value"/);
    expect(openCredential(sealed, seal)).toEqual(secrets);
    expect(readCredential(sealed, seal)).toMatchObject({ name: 'main', providerId: 'openai', ...secrets });
  });

  test.each<[string, Partial<Entity>]>([
    ['id', { id: 'cred_2' }],
    ['name', { name: 'other' }],
    ['team', { teamId: 'team_2' }],
    ['user', { userId: 'user_1' }],
    ['organisation', { organisationId: 'org_1' }],
    ['project', { projectId: 'proj_1' }],
    ['key', { body: { ...sealed.body, keyId: 'key_1' } }],
    ['address', { body: { ...sealed.body, baseUrl: 'https://evil.example/v1' } }],
    ['absence of an address', { body: { ...sealed.body, baseUrl: undefined } }],
    ['provider', { body: { ...sealed.body, provider: 'groq' } }],
    ['version of its secret', { body: { ...sealed.body, secretVersion: 2 } }],
  ])('does not open under another %s', (_, change) => {
    expect(readCredential({ ...sealed, ...change }, seal)).toBeUndefined();
  });

  test('may be blocked and described anew without being sealed anew', () => {
    const changed = { ...sealed, version: 7, body: { ...sealed.body, isBlocked: true, description: 'for tests' } };
    expect(openCredential(changed, seal)).toEqual(secrets);
  });

  test('an older one does not pass for a newer one', () => {
    const newer = sealCredential(sealed, { ...secrets, secret: 'sk-new-0123456789' }, seal);
    expect(newer.body.secretVersion).toBe(2);
    const put = { ...newer, body: { ...newer.body, sealed: sealed.body.sealed } };
    expect(readCredential(put, seal)).toBeUndefined();
  });
});
