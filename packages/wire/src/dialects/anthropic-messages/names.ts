/** What the API accepts as a tool's name; shorter with some providers. @see https://docs.claude.com/en/api/messages */
const NAME_CHARS_MAX = 128;
const FITTING = /^[a-zA-Z0-9_-]+$/;

/**
 * Names for tools that fit. A name that fits stays; another gets one made from it and from a digest of the whole, the
 * same in every request, and never one that is in use.
 */
export class FittingNames {
  private readonly fitted = new Map<string, string>();
  private readonly used: Set<string>;
  /** Sent name → the caller's name, of those that had to change. */
  readonly changed = new Map<string, string>();

  /** @param names Every name of the request: what fits among them is not given away. */
  constructor(
    names: Iterable<string>,
    private readonly charsMax: number = NAME_CHARS_MAX,
  ) {
    this.used = new Set(names);
  }

  fit(name: string): string {
    if (FITTING.test(name) && name.length <= this.charsMax) return name;
    let fitted = this.fitted.get(name);
    if (fitted === undefined) {
      fitted = this.made(name);
      this.fitted.set(name, fitted);
      this.changed.set(fitted, name);
    }
    return fitted;
  }

  private made(name: string): string {
    for (let turn = 0; ; turn++) {
      const made = fitted(name, this.charsMax, turn);
      if (this.used.has(made)) continue;
      this.used.add(made);
      return made;
    }
  }
}

/** The id to send for a tool call: ids of other vendors may hold characters that are refused here. */
export function fitCallId(id: string): string {
  return FITTING.test(id) ? id : fitted(id, 64, 0);
}

function fitted(text: string, charsMax: number, turn: number): string {
  const tail = `_${digest(`${turn === 0 ? '' : turn}${text}`)}`;
  const plain = text.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, charsMax - tail.length);
  return `${plain}${tail}`;
}

/** FNV-1a, 32 bit, as eight hexadecimal digits: tells apart the names of one request. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
