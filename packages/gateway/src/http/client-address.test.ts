import { describe, expect, test } from 'bun:test';
import { parseIpRange } from '../config/ip-range.ts';
import { clientAddress } from './client-address.ts';

const trusted = ['10.0.0.0/8', 'fd00::/8'].map(parseIpRange).filter((range) => range !== undefined);
const seen = (peer: string | undefined, header: string | null) => clientAddress(peer, header, trusted);

describe('X-Forwarded-For', () => {
  test.each([
    ['one trusted proxy', '10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['two of them', '10.0.0.1', '203.0.113.7, 10.0.0.2', '203.0.113.7'],
    ['what the client wrote itself is not believed', '10.0.0.1', '192.168.0.1, 203.0.113.7', '203.0.113.7'],
    ['a trusted address within what the client wrote neither', '10.0.0.1', '10.9.9.9, 203.0.113.7', '203.0.113.7'],
    ['a stranger is not believed at all', '203.0.113.9', '10.0.0.1', '203.0.113.9'],
    ['no header', '10.0.0.1', null, '10.0.0.1'],
    ['an empty header', '10.0.0.1', ' ', '10.0.0.1'],
    ['nothing but proxies: the furthest', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['IPv4 in IPv6 clothes', '::ffff:10.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['IPv6', 'fd00::1', '2001:db8::7', '2001:db8::7'],
    ['with a port', '10.0.0.1', '203.0.113.7:4711', '203.0.113.7'],
    ['in brackets, with and without', '10.0.0.1', '[2001:db8::7]:4711, [fd00::2]', '2001:db8::7'],
    ['what cannot be read', '10.0.0.1', 'unknown', undefined],
    ['what cannot be read beyond the client does not matter', '10.0.0.1', 'unknown, 203.0.113.7', '203.0.113.7'],
    ['a gap', '10.0.0.1', '203.0.113.7,', undefined],
    ['a range is no address', '10.0.0.1', '203.0.113.0/24', undefined],
    ['a connection that is gone', undefined, '203.0.113.7', undefined],
    ['a chain without end', '10.0.0.1', Array(200).fill('10.0.0.2').join(), undefined],
  ] as const)('%s', (_, peer, header, client) => {
    expect(seen(peer, header)).toBe(client);
  });

  test('is nothing where no proxy is trusted', () => {
    expect(clientAddress('10.0.0.1', '203.0.113.7', [])).toBe('10.0.0.1');
  });
});
