/**
 * Takes the usage report out of one raw event, byte for byte leaving the rest:
 *
 * - an event whose `choices` is empty and whose `usage` is an object is the report itself, and goes as a whole;
 * - a top-level `"usage":null`, which providers add to every chunk once the report was asked for, is cut out;
 * - a report inside a chunk with choices stays: providers send it there unasked, and clients read it there.
 *
 * @param text The event's bytes as latin1, so that offsets are the same.
 * @returns The bytes to pass on, possibly none.
 */
export function stripUsage(text: string, event: Uint8Array): Uint8Array {
  if (text.endsWith(LAST)) {
    // Not `slice`: of a Buffer that is a view, and the sender's bytes must stay as they are.
    const kept = new Uint8Array(event.subarray(0, event.length - CUT_CHARS));
    kept.set(LAST_KEPT, kept.length - LAST_KEPT.length);
    return kept;
  }
  if (!text.includes('"usage"')) return event;
  const brace = text.indexOf('{');
  if (brace < 0) return event;
  const found = topLevel(text, brace);
  const { usage } = found;
  if (usage === undefined) return event;
  const first = text.charCodeAt(usage.start);
  if (first === 0x7b) return found.isChoicesEmpty ? event.subarray(0, 0) : event;
  return text.startsWith('null', usage.start) ? cut(event, text, usage) : event;
}

/** How most providers write it: the last member of the top-level object, which the brace before the blank line closes. */
const LAST = ',"usage":null}\n\n';
const CUT_CHARS = ',"usage":null'.length;
const LAST_KEPT = new TextEncoder().encode(LAST.slice(CUT_CHARS));

interface Member {
  /** Offset of the key's opening quote. */
  key: number;
  start: number;
  end: number;
}

interface TopLevel {
  usage?: Member;
  isChoicesEmpty: boolean;
}

/** Finds the members of interest of the object that opens at `brace`, in one pass over strings and brackets. */
function topLevel(text: string, brace: number): TopLevel {
  const found: TopLevel = { isChoicesEmpty: false };
  let depth = 0;
  let key = -1;
  let keyEnd = -1;
  let start = -1;
  const close = (end: number): void => {
    if (start < 0) return;
    const name = text.slice(key + 1, keyEnd - 1);
    if (name === 'usage') found.usage = { key, start, end };
    else if (name === 'choices') found.isChoicesEmpty = /^\[\s*\]/.test(text.slice(start, end));
    start = -1;
  };
  for (let pos = brace; pos < text.length; pos++) {
    const code = text.charCodeAt(pos);
    if (code === 0x22) {
      const end = endOfString(text, pos);
      if (depth === 1 && start < 0) {
        key = pos;
        keyEnd = end;
      }
      pos = end - 1;
    } else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (--depth === 0) {
        close(pos);
        break;
      }
    } else if (depth === 1 && code === 0x3a) {
      start = pos + 1;
      while (text.charCodeAt(start) <= 0x20) start++;
    } else if (depth === 1 && code === 0x2c) close(pos);
  }
  return found;
}

/** @returns Offset after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let pos = start + 1; pos < text.length; pos++) {
    const code = text.charCodeAt(pos);
    if (code === 0x5c) pos++;
    else if (code === 0x22) return pos + 1;
  }
  return text.length;
}

/** The event without one member, and without the comma that parted it from its neighbour. */
function cut(event: Uint8Array, text: string, member: Member): Uint8Array {
  let from = member.key;
  let to = member.start + 4;
  let before = from - 1;
  while (text.charCodeAt(before) <= 0x20) before--;
  if (text.charCodeAt(before) === 0x2c) from = before;
  else {
    while (text.charCodeAt(to) <= 0x20) to++;
    if (text.charCodeAt(to) === 0x2c) to++;
    while (text.charCodeAt(to) === 0x20) to++;
  }
  return without(event, from, to);
}

function without(event: Uint8Array, from: number, to: number): Uint8Array {
  const kept = new Uint8Array(event.length - (to - from));
  kept.set(event.subarray(0, from), 0);
  kept.set(event.subarray(to), from);
  return kept;
}
