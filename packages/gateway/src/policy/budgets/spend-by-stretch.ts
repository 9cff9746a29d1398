import type { Store } from '../../store/store.ts';
import type { CountedStretch } from './period-clock.ts';

/** What the ledger tells in sums. */
export type SpendSums = Pick<Store, 'spendOf' | 'ledgerRollups' | 'prunedDetail'>;

const HOUR_MS = 3_600_000;
/** Rows of one answer of the store. */
const PAGE = 1_000;

/**
 * Nano-USD that scopes spent in each of these stretches, of which the last holds `nowMs`. Exact as long as hours that the
 * stretches cut hold no more than `entriesMax` entries, which are gone through one by one; beyond that, such an hour counts
 * whole, with the stretch that holds its last instant: too long rather than too short. So does one whose entries were deleted.
 */
export async function spendByStretch(
  source: SpendSums,
  scopes: readonly string[],
  stretches: readonly CountedStretch[],
  nowMs: number,
  entriesMax: number,
): Promise<ReadonlyMap<string, bigint>[]> {
  // Nothing is later than now, so the hour that has begun needs no cutting.
  const endMs = floorHour(nowMs) + HOUR_MS;
  const isExact = (await entriesInCutHours(source, stretches, nowMs)) <= entriesMax;
  const bound = (atMs: number) => (atMs > nowMs ? endMs : isExact ? atMs : floorHour(atMs));
  const spent: ReadonlyMap<string, bigint>[] = [];
  for (const stretch of stretches) {
    const [from, to] = [bound(stretch.startMs), bound(stretch.endMs)];
    spent.push(from < to ? await source.spendOf(scopes, from, to) : new Map());
  }
  return spent;
}

async function entriesInCutHours(
  source: SpendSums,
  stretches: readonly CountedStretch[],
  nowMs: number,
): Promise<number> {
  const bounds = stretches.flatMap(({ startMs, endMs }) => [startMs, endMs]);
  const cut = new Set(bounds.filter((atMs) => atMs % HOUR_MS !== 0 && atMs <= nowMs).map(floorHour));
  if (cut.size === 0) return 0;
  const fromMs = Math.min(...cut);
  const pruned = await source.prunedDetail();
  const isWhole = (hourMs: number) =>
    pruned === undefined || hourMs >= pruned.beforeMs || pruned.keptHoursMs.includes(hourMs);
  if (![...cut].every(isWhole)) return Number.POSITIVE_INFINITY;
  const hours = await source.ledgerRollups({ by: 'all', period: 'hour', fromMs, toMs: nowMs + 1, limit: PAGE });
  // Over longer than forty days parts of a window are long, and nobody misses an hour of one.
  if (hours.length === PAGE) return Number.POSITIVE_INFINITY;
  return hours.filter(({ startMs }) => cut.has(startMs)).reduce((sum, { entries }) => sum + entries, 0);
}

function floorHour(atMs: number): number {
  return Math.floor(atMs / HOUR_MS) * HOUR_MS;
}
