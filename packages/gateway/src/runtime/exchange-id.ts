const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const random = new Uint8Array(4096);
let used = random.length;

/**
 * A new exchange id: `tp_` and 26 characters of Crockford base32, 10 of time (milliseconds) and 16 random, so ids sort
 * by age. 80 random bits come from the system's generator, fetched in blocks.
 *
 * @see https://github.com/ulid/spec
 */
export function newExchangeId(timeMs: number): string {
  let text = '';
  let rest = timeMs;
  for (let digit = 0; digit < 10; digit++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  if (used + 16 > random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  for (const byte of random.subarray(used, used + 16)) text += ALPHABET.charAt(byte & 31);
  used += 16;
  return `tp_${text}`;
}
