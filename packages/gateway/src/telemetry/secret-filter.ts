/** What stands in place of a secret. */
const HIDDEN = '[hidden]';

/** Known values shorter than this are not looked for: they would blot out ordinary words. */
const KNOWN_CHARS_MIN = 8;

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
  readonly #known = new Set<string>();
  #pattern: RegExp | undefined;

  /** Credentials in force, to be found wherever they turn up. May be called again with more. */
  add(values: Iterable<string | undefined>): void {
    for (const value of values) if (value !== undefined && value.length >= KNOWN_CHARS_MIN) this.#known.add(value);
    // Longest first: a secret that begins like a shorter one must not leave its rest behind.
    const alternatives = [...this.#known].sort((a, b) => b.length - a.length).map((value) => RegExp.escape(value));
    this.#pattern = alternatives.length === 0 ? undefined : new RegExp(alternatives.join('|'), 'g');
  }

  redact(text: string): string {
    let clean = this.#pattern === undefined ? text : text.replace(this.#pattern, HIDDEN);
    for (const shape of shapes) clean = clean.replace(shape, `$1${HIDDEN}`);
    return clean;
  }
}
