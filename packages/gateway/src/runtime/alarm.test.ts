import { expect, test } from 'bun:test';
import { type Alarm, Alarms } from './alarm.ts';
import { monotonicMs } from './clock.ts';

test('an alarm rings once when due, later when moved, never when removed', async () => {
  const alarms = new Alarms();
  const rung: string[] = [];
  const make = (name: string, inMs: number): Alarm => ({ dueAtMs: monotonicMs() + inMs, ring: () => rung.push(name) });
  const soon = make('soon', 10);
  const moved = make('moved', 10);
  const removed = make('removed', 10);
  for (const alarm of [soon, moved, removed]) alarms.add(alarm);
  moved.dueAtMs = Number.POSITIVE_INFINITY;
  alarms.remove(removed);
  while (rung.length === 0) await Bun.sleep(5);
  await Bun.sleep(60);
  expect(rung).toEqual(['soon']);
  moved.dueAtMs = monotonicMs();
  while (rung.length === 1) await Bun.sleep(5);
  expect(rung).toEqual(['soon', 'moved']);
});
