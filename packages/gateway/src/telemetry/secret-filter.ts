/** What stands in place of a secret. */
const HIDDEN = '[hidden]';

/** Known values shorter than this are not looked for: they would blot out ordinary words. */
const KNOWN_CHARS_MIN = 8;

/** Secrets of requests that are remembered. */
const PASSING_MAX = 1_000;

/**
 * Shapes of secrets, each with what to keep in front of it: keys by the prefixes vendors give them, and whatever follows
 * a name that announces a secret.
 */
const shapes: readonly RegExp[] = [
  /()\b(?:sk|pk|rk|gsk|xai|tp|key|r8|hf|pplx|nvapi|fw|csk|tgp)[-_](?!\[hidden\])[A-Za-z0-9][A-Za-z0-9_-]{15,}/g,
  /()\bAIza[A-Za-z0-9_-]{20,}/g,
  /()\bA(?:KIA|SIA)[A-Z0-9]{12,}/g,
  /()\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g,
  /(\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}/gi,
  /(\b(?:x-api-key|api[-_]?key|x-goog-api-key|authorization|password|secret|token)["']?\s*[:=]\s*["']?)(?!bearer\b|basic\b|\[hidden\])[^\s"',;&}]+/gi,
  /(:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g,
];

/** Takes secrets out of text that leaves the process: by their shape, and by value for those it was told. */
export class SecretFilter {
  /**
   * By their first characters, longest first: a secret that begins like a shorter one must not leave its rest behind. So
   * there may be thousands, and a text costs no more.
   */
  readonly #known = new Map<string, string[]>();
  /** Those of them that came with requests, the earliest first. */
  readonly #passing = new Set<string>();

  /** Credentials in force, to be found wherever they turn up. May be called again with more. */
  add(values: Iterable<string | undefined>): void {
    for (const value of values) {
      if (value === undefined || value.length < KNOWN_CHARS_MIN) continue;
      // What is in force is known for good, wherever it was met first.
      this.#passing.delete(value);
      const start = value.slice(0, KNOWN_CHARS_MIN);
      const alike = this.#known.get(start) ?? [];
      if (alike.includes(value)) continue;
      alike.push(value);
      this.#known.set(
        start,
        alike.sort((a, b) => b.length - a.length),
      );
    }
  }

  /** Secrets that came with a request: the latest thousand of them are known. */
  addPassing(values: readonly string[]): void {
    for (const value of values) {
      if (this.#isKnown(value)) continue;
      this.add([value]);
      this.#passing.add(value);
    }
    for (const value of this.#passing) {
      if (this.#passing.size <= PASSING_MAX) return;
      this.#passing.delete(value);
      const start = value.slice(0, KNOWN_CHARS_MIN);
      const left = this.#known.get(start)?.filter((other) => other !== value) ?? [];
      if (left.length === 0) this.#known.delete(start);
      else this.#known.set(start, left);
    }
  }

  #isKnown(value: string): boolean {
    return this.#known.get(value.slice(0, KNOWN_CHARS_MIN))?.includes(value) === true;
  }

  redact(text: string): string {
    let clean = this.#withoutKnown(text);
    for (const shape of shapes) clean = clean.replace(shape, `$1${HIDDEN}`);
    return clean;
  }

  #withoutKnown(text: string): string {
    if (this.#known.size === 0) return text;
    let clean = '';
    let from = 0;
    for (let at = 0; at + KNOWN_CHARS_MIN <= text.length; at++) {
      const found = this.#known.get(text.slice(at, at + KNOWN_CHARS_MIN))?.find((value) => text.startsWith(value, at));
      if (found === undefined) continue;
      clean += text.slice(from, at) + HIDDEN;
      from = at + found.length;
      at = from - 1;
    }
    return from === 0 ? text : clean + text.slice(from);
  }
}
