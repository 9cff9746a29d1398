/** Names longer than this are compared by their beginning only; comparing costs length × length. */
const comparedCharsMax = 80;

/**
 * The candidates most like `name`, best first: by edits (one in three characters at most), where a missing or another
 * prefix before a slash costs little, or because one contains the other.
 */
export function nearestNames(name: string, candidates: Iterable<string>, max: number): string[] {
  const wanted = name.slice(0, comparedCharsMax).toLowerCase();
  const scored: { candidate: string; score: number }[] = [];
  for (const candidate of new Set(candidates)) {
    const score = distanceOfNames(wanted, candidate.toLowerCase().slice(0, comparedCharsMax));
    if (score !== undefined) scored.push({ candidate, score });
  }
  scored.sort(
    (a, b) => a.score - b.score || a.candidate.length - b.candidate.length || (a.candidate < b.candidate ? -1 : 1),
  );
  return scored.slice(0, max).map(({ candidate }) => candidate);
}

function distanceOfNames(wanted: string, candidate: string): number | undefined {
  const whole = boundedDistance(wanted, candidate);
  const bare = boundedDistance(lastSegment(wanted), lastSegment(candidate));
  const scores = [whole, bare === undefined ? undefined : bare + 0.5].filter((score) => score !== undefined);
  if (scores.length > 0) return Math.min(...scores);
  const [short, long] = wanted.length < candidate.length ? [wanted, candidate] : [candidate, wanted];
  return short.length >= 3 && long.includes(short) ? 10 + (long.length - short.length) / 100 : undefined;
}

function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** Edits between two texts (swapped neighbours count as one), or undefined beyond one in three characters. */
function boundedDistance(a: string, b: string): number | undefined {
  const bound = Math.max(1, Math.floor(Math.max(a.length, b.length) / 3));
  if (Math.abs(a.length - b.length) > bound) return undefined;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    if (Math.min(...row) > bound) return undefined;
    beforeLast = last;
    last = row;
  }
  const distance = last[b.length] ?? 0;
  return distance <= bound ? distance : undefined;
}
