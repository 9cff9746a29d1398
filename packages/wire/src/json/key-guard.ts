import { decodeName, decodeString } from './utf8.ts';

/** Up to this many keys of an object are compared pairwise; beyond, a set of decoded keys keeps it linear. */
const PAIRWISE_KEYS_MAX = 48;

/** From this many keys in sets on, the whole text is decoded once instead of each key by itself. */
const LONE_KEYS_MAX = 200;

/** One character per byte, all different (windows-1252): enough to compare, and cheaper than UTF-8. */
const byteDecoder = new TextDecoder('latin1');

/** Remembers the keys of the objects that are open, to notice one that comes twice. */
export class KeyGuard {
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  /** A cheap digest of each key: different digests, different keys. */
  private readonly digests: number[] = [];
  private count = 0;
  private loneKeys = 0;
  private text: string | undefined;
  /** Per depth: where its keys begin in the lists above. */
  private readonly bases: number[] = [];
  /** Per depth: decoded keys, once there are many or one of them had an escape. */
  private readonly sets: (Set<string> | undefined)[] = [];

  private bytes: Uint8Array = NOTHING;

  /** Turns to another text. A guard may be used again and again, as long as one use ends before the next begins. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.count = 0;
    this.loneKeys = 0;
  }

  /** Lets go of the text and its keys. The lists stay: they hold offsets, of {@link PAIRWISE_KEYS_MAX} keys per depth. */
  release(): void {
    this.bytes = NOTHING;
    this.text = undefined;
    this.sets.length = 0;
  }

  open(depth: number): void {
    this.bases[depth] = this.count;
    this.sets[depth] = undefined;
  }

  close(depth: number): void {
    this.count = this.bases[depth] as number;
  }

  /**
   * @param start Offset of the key's first byte, after the quote; `end` is that of its closing quote.
   * @returns false when the object at `depth` has this key already.
   */
  add(depth: number, start: number, end: number, escaped: boolean): boolean {
    const base = this.bases[depth] as number;
    const set = this.sets[depth];
    if (set !== undefined || escaped || this.count - base >= PAIRWISE_KEYS_MAX) {
      return this.addToSet(depth, start, end, set ?? this.decodedKeys(base));
    }
    const bytes = this.bytes;
    const digest =
      start === end
        ? 0
        : ((end - start) << 24) ^
          ((bytes[start] as number) << 16) ^
          ((bytes[end - 1] as number) << 8) ^
          (bytes[(start + end) >> 1] as number);
    const digests = this.digests;
    for (let i = base; i < this.count; i++) {
      if (digests[i] === digest && this.same(i, start, end)) return this.note(start, end, digest, false);
    }
    return this.note(start, end, digest, true);
  }

  /** The key met last in the object whose keys end where those of `depth + 1` begin (or at the end of all). */
  lastKey(depth: number, deepest: number): string {
    const after = depth === deepest ? this.count : (this.bases[depth + 1] as number);
    return decodeName(this.bytes, this.starts[after - 1] as number, this.ends[after - 1] as number);
  }

  private addToSet(depth: number, start: number, end: number, set: Set<string>): boolean {
    this.sets[depth] = set;
    const key = this.comparable(start, end);
    const before = set.size;
    set.add(key);
    // The set knows the earlier keys, so only the last one is kept in the lists: it names the path in messages.
    if (this.count - (this.bases[depth] as number) >= PAIRWISE_KEYS_MAX) this.count--;
    return this.note(start, end, 0, set.size > before);
  }

  private decodedKeys(base: number): Set<string> {
    const keys = new Set<string>();
    for (let i = base; i < this.count; i++) {
      keys.add(this.comparable(this.starts[i] as number, this.ends[i] as number));
    }
    return keys;
  }

  /** A string that is the same for two keys when they are the same once escapes are resolved. */
  private comparable(start: number, end: number): string {
    this.loneKeys++;
    if (this.loneKeys === LONE_KEYS_MAX) this.text = byteDecoder.decode(this.bytes);
    const raw = this.text?.slice(start, end) ?? byteDecoder.decode(this.bytes.subarray(start, end));
    if (!raw.includes('\\')) return raw;
    const key = decodeString(this.bytes, start, end);
    // A lone surrogate has no bytes, and only an escape can make one: such keys are compared among themselves.
    return key.isWellFormed() ? byteDecoder.decode(encoder.encode(key)) : `\ud800${key}`;
  }

  private note(start: number, end: number, digest: number, fresh: boolean): boolean {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.digests[this.count] = digest;
    this.count++;
    return fresh;
  }

  private same(index: number, start: number, end: number): boolean {
    const bytes = this.bytes;
    const other = this.starts[index] as number;
    const length = end - start;
    if ((this.ends[index] as number) - other !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[other + i]) return false;
    return true;
  }
}

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);
