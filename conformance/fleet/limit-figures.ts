import { ExactLaw } from '../limits/exact-law.ts';
import type { LimitEvent } from './limit-event.ts';

/** What limits that several processes share came to. */
export interface LimitFigures {
  asked: number;
  admitted: number;
  refused: number;
  /** Requests for which another process had to be asked. */
  waited: number;
  readonly waitsMs: number[];
  /** The most that was counted in one window beyond the limit, as a part of it. */
  overshoot: number;
  /** Refused although it had fitted at every instant since it asked. */
  refusedInVain: number;
  /** How far each `Retry-After` was from the instant at which it fits. */
  readonly retryErrorsMs: number[];
}

type Asked = Extract<LimitEvent, { type: 'asked' }>;

/** Plays what all processes noted against the plain law, as if one had decided everything. */
export function judgeLimit(events: readonly LimitEvent[], amount: number, windowMs: number): LimitFigures {
  // What is counted is held against the plain law. What is refused, against one whose windows end a little later, by as much
  // as slots are apart, and which hears of corrections as late as another process does.
  const exact = new ExactLaw(amount, windowMs);
  const late = new ExactLaw(amount, windowMs + Math.max(1, windowMs / 4_096) + 1);
  const entries = new Map<number, { exact: Entry; late: Entry }[]>();
  const figures: LimitFigures = {
    asked: 0,
    admitted: 0,
    refused: 0,
    waited: 0,
    waitsMs: [],
    overshoot: 0,
    refusedInVain: 0,
    retryErrorsMs: [],
  };
  const watched = new Set<{ asked: Asked; fitted: boolean }>();
  const fits = (atMs: number, { weight }: Asked) => late.used(atMs) + weight <= amount;
  const look = (atMs: number) => {
    for (const one of watched) if (one.fitted && !fits(atMs, one.asked)) one.fitted = false;
  };
  for (const { atMs, event, isTold } of inOrder(events)) {
    if (event.type === 'entered') {
      const place = { exact: exact.add(atMs, event.weight), late: late.add(atMs, event.weight) };
      const there = entries.get(atMs);
      if (there === undefined) entries.set(atMs, [place]);
      else there.push(place);
      figures.overshoot = Math.max(figures.overshoot, (exact.used(atMs) - amount) / amount);
      look(atMs);
    } else if (event.type === 'changed') {
      // Which of those counted at one instant makes no difference.
      const entry = entries.get(event.enteredAtMs)?.[0];
      if (entry === undefined) throw new Error('Something was corrected that was never counted.');
      if (isTold) late.change(entry.late, entry.late.weight + event.delta, atMs);
      else exact.change(entry.exact, entry.exact.weight + event.delta, atMs);
    } else if (atMs < event.atMs && event.isRefused) {
      watched.add({ asked: event, fitted: fits(atMs, event) });
    } else if (atMs === event.atMs) {
      decided(event, exact, late, figures);
      for (const one of watched) {
        if (one.asked !== event) continue;
        watched.delete(one);
        if (one.fitted && fits(atMs, event)) figures.refusedInVain++;
      }
    }
  }
  return figures;
}

type Entry = ReturnType<ExactLaw['add']>;

function decided(event: Asked, exact: ExactLaw, late: ExactLaw, figures: LimitFigures): void {
  figures.asked++;
  if (event.isRefused) figures.refused++;
  else figures.admitted++;
  if (event.hasWaited) {
    figures.waited++;
    figures.waitsMs.push(event.atMs - event.askedMs);
  }
  if (event.retryAfterMs === undefined) return;
  const saidMs = event.atMs + event.retryAfterMs;
  const tooEarlyMs = exact.fitsAtMs(event.atMs, event.weight) - saidMs;
  const tooLateMs = saidMs - late.fitsAtMs(event.atMs, event.weight);
  figures.retryErrorsMs.push(Math.max(0, tooEarlyMs, tooLateMs));
}

/** A correction in one process has reached the others after so long. */
const TOLD_MS = 50;

interface Moment {
  readonly atMs: number;
  readonly isTold?: boolean;
  readonly event: LimitEvent;
}

/** In the order of time; a refusal stands at both ends of its wait. */
function inOrder(events: readonly LimitEvent[]): Moment[] {
  const rank = ({ event }: Moment) => (event.type === 'changed' ? 0 : event.type === 'entered' ? 1 : 2);
  return events.flatMap(momentsOf).sort((a, b) => a.atMs - b.atMs || rank(a) - rank(b));
}

function momentsOf(event: LimitEvent): Moment[] {
  const { atMs } = event;
  if (event.type === 'changed') {
    const changedAtMs = Math.max(atMs, event.enteredAtMs + 0.25);
    return [
      { atMs: changedAtMs, event },
      { atMs: changedAtMs + TOLD_MS, event, isTold: true },
    ];
  }
  if (event.type === 'entered' || !event.isRefused) return [{ atMs, event }];
  return [
    { atMs: Math.min(event.askedMs, atMs - 0.5), event },
    { atMs, event },
  ];
}
