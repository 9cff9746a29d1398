/**
 * A short text of at least `charsMin` characters that a regular expression matches as a whole; undefined when the expression uses what is not understood
 * here (look-around, back references, Unicode properties) or no text was found. The result is always checked.
 */
export function textMatching(pattern: string, charsMin = 0): string | undefined {
  try {
    const expression = new RegExp(pattern, 'u');
    for (let more = 0; more <= MORE_MAX; more = more * 2 || 1) {
      const reader = new PatternReader(pattern, more);
      const text = reader.alternatives();
      if (!reader.atEnd || !expression.test(text)) return undefined;
      if (text.length >= charsMin) return text;
    }
    return undefined;
  } catch {
    return undefined; // Not understood, or not a regular expression at all.
  }
}

/** How often a part that may repeat is repeated at most, beyond what it must. */
const MORE_MAX = 1024;

const CLASSES: Record<string, string> = { d: '0', w: 'a', s: ' ', D: 'a', W: '-', S: 'a', n: '\n', t: '\t', r: '\r' };
/** Tried in order for a negated class. */
const CANDIDATES = 'a0 -_.,:;/!?@#ABZz';

class PatternReader {
  #at = 0;

  /** @param more repetitions beyond the fewest, where more are allowed. */
  constructor(
    private readonly pattern: string,
    private readonly more: number,
  ) {}

  get atEnd(): boolean {
    return this.#at === this.pattern.length;
  }

  /** Makes the first alternative and passes over the others. */
  alternatives(): string {
    const first = this.#sequence();
    while (this.#peek() === '|') {
      this.#at++;
      this.#sequence();
    }
    return first;
  }

  #peek(): string | undefined {
    return this.pattern[this.#at];
  }

  #sequence(): string {
    let text = '';
    for (let next = this.#peek(); next !== undefined && next !== '|' && next !== ')'; next = this.#peek()) {
      const atom = this.#atom();
      text += atom.repeat(this.#repeats());
    }
    return text;
  }

  #atom(): string {
    const char = this.pattern[this.#at++] ?? '';
    if (char === '^' || char === '$') return '';
    if (char === '.') return 'a';
    if (char === '[') return this.#charClass();
    if (char === '(') return this.#group();
    if (char === '\\') return this.#escape();
    return char;
  }

  #group(): string {
    const head = /^\?(:|<[A-Za-z_]\w*>)/.exec(this.pattern.slice(this.#at));
    if (head) this.#at += head[0].length;
    else if (this.#peek() === '?') throw new Error('Look-around is not understood.');
    const text = this.alternatives();
    this.#at++;
    return text;
  }

  #escape(): string {
    const char = this.pattern[this.#at++] ?? '';
    if (/[1-9pPkBux]/.test(char)) throw new Error('This escape is not understood.');
    return char === 'b' ? '' : (CLASSES[char] ?? char);
  }

  #charClass(): string {
    const start = this.#at - 1;
    while (this.#peek() !== ']') {
      if (this.#peek() === undefined) throw new Error('A class has no end.');
      this.#at += this.#peek() === '\\' ? 2 : 1;
    }
    this.#at++;
    const source = this.pattern.slice(start, this.#at);
    const expression = new RegExp(`^${source}$`, 'u');
    const found = [...CANDIDATES].find((char) => expression.test(char)) ?? firstOf(source, expression);
    if (found === undefined) throw new Error('No text for this class.');
    return found;
  }

  #repeats(): number {
    const quantifier = /^(?:([*+?])|\{(\d+)(,(\d*))?\})\??/.exec(this.pattern.slice(this.#at));
    if (!quantifier) return 1;
    const [whole, sign, least, range, most] = quantifier;
    this.#at += whole.length;
    if (sign !== undefined) return sign === '?' ? 0 : (sign === '+' ? 1 : 0) + this.more;
    const fewest = Number(least);
    if (range === undefined) return fewest;
    return most ? Math.min(Number(most), fewest + this.more) : fewest + this.more;
  }
}

function firstOf(source: string, expression: RegExp): string | undefined {
  const printable = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at));
  return [...source, ...printable].find((char) => expression.test(char));
}
