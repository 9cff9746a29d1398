import { parseJson } from '../json/parse.ts';
import { SseDecoder } from './sse.ts';

const LF = 0x0a;
const CR = 0x0d;
const CLOSING_BRACE = 0x7d;

/**
 * Is the data of this raw event broken JSON, so that no client could read it? For streams whose events carry a JSON
 * object each, or the word `[DONE]`.
 *
 * A glance for the usual case: data that ends with a brace is taken for whole. Only the rest is decoded and parsed.
 */
export function isBrokenEvent(event: Uint8Array): boolean {
  let end = event.length;
  while (end > 0 && (event[end - 1] === LF || event[end - 1] === CR)) end--;
  if (end === 0 || event[end - 1] === CLOSING_BRACE) return false;
  const decoder = new SseDecoder();
  return [...decoder.push(event), ...decoder.end().events].some(({ data }) => !isReadable(data.trim()));
}

function isReadable(data: string): boolean {
  if (data === '' || data === '[DONE]') return true;
  try {
    parseJson(data);
    return true;
  } catch {
    return false;
  }
}
