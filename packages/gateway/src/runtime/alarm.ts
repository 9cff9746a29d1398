import { monotonicMs } from './clock.ts';

/** How often due alarms are looked for: the precision of every deadline, in milliseconds. */
const SWEEP_MS = 25;

/** A deadline that can be moved cheaply as an exchange goes on. */
export interface Alarm {
  /** Monotonic milliseconds; `Infinity` means not set. Moving it is an assignment. */
  dueAtMs: number;
  /** Called once per time the alarm comes due; the alarm is unset first and may be set again inside. */
  ring: () => void;
}

/**
 * All deadlines of the process, swept by one timer: setting and moving an alarm costs no timer of its own, which
 * matters when each chunk of each stream moves one. The timer runs only while there are alarms.
 */
export class Alarms {
  readonly #alarms = new Set<Alarm>();
  #timer: ReturnType<typeof setInterval> | undefined;

  add(alarm: Alarm): void {
    this.#alarms.add(alarm);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
  }

  remove(alarm: Alarm): void {
    this.#alarms.delete(alarm);
  }

  #sweep(): void {
    // Stopping the timer here, not in `remove`, spares starting it anew for each exchange of a busy gateway.
    if (this.#alarms.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = monotonicMs();
    for (const alarm of this.#alarms) {
      if (alarm.dueAtMs > now) continue;
      alarm.dueAtMs = Number.POSITIVE_INFINITY;
      alarm.ring();
    }
  }
}
