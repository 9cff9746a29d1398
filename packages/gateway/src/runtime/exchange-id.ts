const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** Every pair of digits, so that ten random bits cost one look-up. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, n) => ALPHABET.charAt(n >> 5) + ALPHABET.charAt(n & 31),
);

/** Random numbers of the system's generator, fetched in blocks; each gives one pair of digits. */
const random = new Uint16Array(2048);
let used = random.length;

/** The ten digits of the last time asked for: a busy gateway starts many exchanges in one millisecond. */
let lastTimeMs = -1;
let lastPrefix = '';
/** Exchanges begun in that millisecond. */
let sameTime = 0;

/**
 * A new exchange id: `tp_` and 26 characters of Crockford base32: 10 of time (milliseconds), 4 that count within the
 * millisecond, 12 random (60 bits). So the ids of a process sort by age, those of several almost.
 *
 * @see https://github.com/ulid/spec
 */
export function newExchangeId(timeMs: number): string {
  if (timeMs !== lastTimeMs) {
    lastTimeMs = timeMs;
    lastPrefix = `tp_${timeDigits(timeMs)}`;
    sameTime = 0;
  }
  if (used + 6 > random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  let id = `${lastPrefix}${PAIRS[(sameTime >> 10) & 1023]}${PAIRS[sameTime & 1023]}`;
  sameTime++;
  for (const end = used + 6; used < end; used++) id += PAIRS[(random[used] ?? 0) & 1023];
  return id;
}

/** No id of that millisecond or later sorts before it, and none of an earlier one after it. */
export function firstExchangeIdAt(timeMs: number): string {
  return `tp_${timeDigits(Math.max(0, Math.floor(timeMs)))}`;
}

function timeDigits(timeMs: number): string {
  let text = '';
  let rest = timeMs;
  for (let pair = 0; pair < 5; pair++) {
    text = PAIRS[rest % 1024] + text;
    rest = Math.floor(rest / 1024);
  }
  return text;
}
