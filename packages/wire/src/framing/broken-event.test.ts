import { describe, expect, test } from 'bun:test';
import { isBrokenEvent } from './broken-event.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('isBrokenEvent', () => {
  test.each([
    'data: {"a":1}\n\n',
    'event: x\r\ndata: {"a":1}\r\n\r\n',
    'data: [DONE]\n\n',
    'data:[DONE]\r\r',
    ': a comment\n\n',
    '\n',
    'event: ping\n\n',
    'data: {"a":\ndata: 1}\n\n',
    'data: {"a":1} \n\n',
    'data: [1]\n\n',
    'retry: 3000\n\n',
  ])('%j is whole', (text) => {
    expect(isBrokenEvent(bytes(text))).toBe(false);
  });

  test.each([
    'data: {"a":1\n\n',
    'data: {"choices":[{"delta":{"content": oops\n\n',
    'data: <html>\n\n',
    'data: [DONE\n\n',
  ])('%j is broken', (text) => {
    expect(isBrokenEvent(bytes(text))).toBe(true);
  });
});
