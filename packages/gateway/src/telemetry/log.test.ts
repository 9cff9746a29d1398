import { describe, expect, test } from 'bun:test';
import { Log } from './log.ts';
import { SecretFilter } from './secret-filter.ts';

function capture(level?: 'debug' | 'info' | 'warn' | 'error') {
  const lines: string[] = [];
  const log = new Log({ level, write: (line) => void lines.push(line) });
  return { log, lines, text: () => lines.join('').replace(/^\S+ /gm, '') };
}

test('a line has time, level, message and fields', () => {
  const { log, lines } = capture();
  log.info('Listening.', { port: 4000, address: '127.0.0.1', note: 'two words', none: undefined, cost: 5n });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(
    /^\d{4}-\d\d-\d\dT[\d:.]+Z info Listening\. port=4000 address=127\.0\.0\.1 note="two words" cost=5\n$/,
  );
});

test('an event is one line, whatever it contains', () => {
  const { log, lines } = capture();
  log.warn('first\nsecond', { error: new Error('a\nb') });
  expect(lines[0]?.match(/\n/g)).toHaveLength(1);
});

test('levels below the chosen one are silent', () => {
  const { log, text } = capture('warn');
  log.debug('d');
  log.info('i');
  log.warn('w');
  log.error('e');
  expect(text()).toBe('warn w\nerror e\n');
});

describe('secrets', () => {
  const shaped = [
    'sk-proj-abcDEF0123456789abcDEF',
    'sk-ant-api03-abcDEF_0123456789',
    'gsk_abcDEF0123456789abcDEF',
    'AIzaSyA0123456789abcdefghijklmnopqrstuv',
    'AKIAABCDEFGHIJKLMNOP',
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
  ];
  test.each(shaped)('are known by their shape: %s', (secret) => {
    const { log, text } = capture();
    log.error(`refused ${secret} there`, { detail: `"${secret}"`, error: new Error(secret) });
    expect(text()).not.toContain(secret.slice(-8));
    expect(text()).toContain('[hidden]');
  });

  test.each([
    ['Authorization: Bearer abcdef123456', 'Authorization: Bearer [hidden]'],
    ['x-api-key: some-opaque-value', 'x-api-key: [hidden]'],
    ['{"api_key":"some-opaque-value","n":1}', '{"api_key":"[hidden]","n":1}'],
    ['https://host/v1?api_key=abc&n=1', 'https://host/v1?api_key=[hidden]&n=1'],
    ['redis://user:hunter2@host', 'redis://user:[hidden]@host'],
  ])('are known by what stands before them: %s', (said, kept) => {
    expect(new SecretFilter().redact(said)).toBe(kept);
  });

  test('are known by value once registered, the longest first', () => {
    const filter = new SecretFilter();
    filter.add(['plainvalue', undefined, 'plainvalue.with(more)', 'short']);
    expect(filter.redact('a plainvalue.with(more) b plainvalue c short')).toBe('a [hidden] b [hidden] c short');
    filter.add(['another-one']);
    expect(filter.redact('plainvalue another-one')).toBe('[hidden] [hidden]');
  });

  test('of requests are known by value too, the latest thousand of them', () => {
    const filter = new SecretFilter();
    filter.add(['kept-for-good-1']);
    filter.addPassing(['kept-for-good-1', 'passing-and-kept']);
    filter.add(['passing-and-kept']);
    const passing = Array.from({ length: 1_001 }, (_, at) => `passing-${String(at).padStart(6, '0')}`);
    for (const value of passing) filter.addPassing([value, value]);
    expect(filter.redact(`${passing[0]} ${passing[1]} ${passing[1_000]}`)).toBe('passing-000000 [hidden] [hidden]');
    expect(filter.redact('kept-for-good-1 passing-and-kept')).toBe('[hidden] [hidden]');
  });

  test('in a field are known by its name', () => {
    const { log, text } = capture();
    log.info('set', { api_key: 'opaque words here', model: 'gpt-4o' });
    expect(text()).not.toContain('opaque');
    expect(text()).toContain('model=gpt-4o');
  });

  test('do not take ordinary words with them', () => {
    const said = 'token limit: 4096 for claude-sonnet-4-5 at https://api.openai.com:443/v1, exchange tp-1, sk-ip';
    expect(new SecretFilter().redact(said)).toBe(said);
  });
});
