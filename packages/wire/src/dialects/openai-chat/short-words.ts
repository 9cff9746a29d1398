const HASH_CHARS = 8;

/** Words (names, ids) as they are sent, one for one. */
export interface ShortWords {
  /** The word to send. */
  send(word: string): string;
  /** Sent word → the caller's word, of those that had to change. */
  readonly restored: ReadonlyMap<string, string>;
}

/**
 * Turns each word that does not fit into `<prefix>_<hash>`.
 *
 * The same word gives the same short one in every request (so that prompt caches hit), unless two words of one request
 * would meet; then the later one is hashed again until it stands alone.
 */
export function shortWords(words: ReadonlySet<string>, fits: (word: string) => boolean, charsMax: number): ShortWords {
  const sent = new Map<string, string>();
  const restored = new Map<string, string>();
  const used = new Set([...words].filter(fits));
  for (const word of words) {
    if (fits(word)) continue;
    let short = shorten(word, charsMax, '');
    for (let turn = 1; used.has(short); turn++) short = shorten(word, charsMax, `#${turn}`);
    used.add(short);
    sent.set(word, short);
    restored.set(short, word);
  }
  return { send: (word) => sent.get(word) ?? word, restored };
}

function shorten(word: string, charsMax: number, salt: string): string {
  const plain = word.replace(/[^a-zA-Z0-9_-]/g, '_');
  return `${plain.slice(0, Math.max(0, charsMax - HASH_CHARS - 1))}_${hash(word + salt)}`.slice(-charsMax);
}

/** FNV-1a over UTF-16 units, 32 bits, as eight hex digits. Spreads words; guards nothing. */
function hash(text: string): string {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  }
  return (state >>> 0).toString(16).padStart(HASH_CHARS, '0');
}
