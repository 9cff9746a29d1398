/** Numbers from a seed (mulberry32), so that a failure can be had again: 0 ≤ n < 1. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A number for a text, to seed by name. */
export function seedOf(text: string): number {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0;
  return hash;
}

/** `bytes` cut at random places into at most `piecesMax` pieces, empty ones among them. */
export function cutAtRandom(bytes: Uint8Array, piecesMax: number, random: () => number): Uint8Array[] {
  const cuts = Array.from({ length: Math.floor(random() * piecesMax) }, () =>
    Math.floor(random() * (bytes.length + 1)),
  );
  return cutAt(bytes, cuts);
}

/** `bytes` cut at the given offsets. */
export function cutAt(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const ends = [...offsets].sort((a, b) => a - b).concat(bytes.length);
  return ends.map((end, at) => bytes.slice(at === 0 ? 0 : ends[at - 1], end));
}
