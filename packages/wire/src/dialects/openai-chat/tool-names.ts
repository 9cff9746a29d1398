import type { CanonRequest } from '../../canon/request.ts';

/** OpenAI refuses longer function names. @see https://platform.openai.com/docs/api-reference/chat/create */
export const TOOL_NAME_CHARS_MAX = 64;

const HASH_CHARS = 8;

export interface ShortNames {
  /** The name to send. */
  send(name: string): string;
  /** Sent name → the caller's name, of the names that had to be shortened. */
  readonly restored: ReadonlyMap<string, string>;
}

/**
 * Shortens tool names over `charsMax` to `<prefix>_<hash>`, wherever the request uses them.
 *
 * The same name gives the same short name in every request (so that prompt caches hit), unless two names of one request
 * would meet; then the later one is hashed again until it stands alone.
 */
export function shortNames(request: CanonRequest, charsMax: number): ShortNames {
  const names = namesOf(request);
  const sent = new Map<string, string>();
  const restored = new Map<string, string>();
  const used = new Set([...names].filter((name) => name.length <= charsMax));
  for (const name of names) {
    if (name.length <= charsMax) continue;
    let short = shorten(name, charsMax, '');
    for (let turn = 1; used.has(short); turn++) short = shorten(name, charsMax, `#${turn}`);
    used.add(short);
    sent.set(name, short);
    restored.set(short, name);
  }
  return { send: (name) => sent.get(name) ?? name, restored };
}

function shorten(name: string, charsMax: number, salt: string): string {
  return `${name.slice(0, Math.max(0, charsMax - HASH_CHARS - 1))}_${hash(name + salt)}`.slice(-charsMax);
}

/** FNV-1a over UTF-16 units, 32 bits, as eight hex digits. Spreads names; guards nothing. */
function hash(text: string): string {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  }
  return (state >>> 0).toString(16).padStart(HASH_CHARS, '0');
}

function namesOf(request: CanonRequest): Set<string> {
  const names = new Set<string>();
  for (const tool of request.tools ?? []) if (tool.name !== undefined) names.add(tool.name);
  if (request.toolChoice?.type === 'tool') names.add(request.toolChoice.name);
  for (const message of request.messages) {
    for (const part of message.parts) {
      if (part.type === 'tool-call') names.add(part.name);
      else if (part.type === 'tool-result' && part.name !== undefined) names.add(part.name);
    }
  }
  return names;
}
