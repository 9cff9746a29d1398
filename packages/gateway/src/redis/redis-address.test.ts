import { describe, expect, test } from 'bun:test';
import { redisAddress } from './redis-address.ts';

describe('an address of Redis', () => {
  test.each([
    ['redis://cache', { kind: 'single', hosts: [{ host: 'cache', port: 6379 }], database: 0, isTls: false }],
    [
      'rediss://me:p%40ss%2F@cache:7000/2',
      { isTls: true, username: 'me', password: 'p@ss/', database: 2, label: 'rediss://cache:7000/2' },
    ],
    ['valkeys://:only-a-password@[::1]:7000', { username: undefined, password: 'only-a-password', isTls: true }],
    ['redis://[::1]:7000', { hosts: [{ host: '::1', port: 7000 }] }],
    [
      'redis+cluster://a:1,b,c:3?prefix=staging',
      {
        kind: 'cluster',
        hosts: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
          { host: 'c', port: 3 },
        ],
        prefix: 'staging',
      },
    ],
    ['rediss-cluster://a', { kind: 'cluster', isTls: true, label: 'rediss+cluster://a' }],
    ['valkey-sentinel://a/house', { kind: 'sentinel', master: 'house' }],
    [
      'redis+sentinel://me:secret@a,b:27000/mymaster/4?sentinelPassword=other%26',
      {
        kind: 'sentinel',
        hosts: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 27_000 },
        ],
        master: 'mymaster',
        database: 4,
        sentinelPassword: 'other&',
        label: 'redis+sentinel://a,b:27000/mymaster/4',
      },
    ],
  ])('%s', (url, expected) => {
    expect(redisAddress(url)).toMatchObject({ prefix: 'turnpike', ...expected } as object);
  });

  test.each([
    'http://secret-word@cache',
    'redis://',
    'redis://:secret-word@',
    'redis://a,b:secret-word',
    'redis://cache:70000',
    'redis://cache/one',
    'redis://cache/1/2',
    'redis://cache?secret-word=1',
    'redis://cache?prefix=secret{word}',
    'redis://cache?sentinelPassword=secret-word',
    'redis://me:%secret-word@cache',
    'redis+cluster://a/1',
    'redis+sentinel://:secret-word@a',
  ])('%s is refused, and not repeated', (url) => {
    expect(() => redisAddress(url)).toThrow(RangeError);
    expect(() => redisAddress(url)).not.toThrow(/secret-word/);
  });
});
