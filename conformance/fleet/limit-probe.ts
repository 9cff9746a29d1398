/**
 * Loaded into the processes of a gateway before anything else (`bun --preload`): writes down when its limits were asked,
 * what they answered and what they counted, a line of JSON for each, into a file of its own in `LIMIT_PROBE_FOLDER`.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Admission } from '@turnpike/gateway/policy/limits/admission.ts';
import { Limiter } from '@turnpike/gateway/policy/limits/limiter.ts';
import type { Refusal } from '@turnpike/gateway/policy/limits/refusal.ts';
import { SharedMeter } from '@turnpike/gateway/policy/limits/shared-meter.ts';
import type { LimitEvent } from './limit-event.ts';

const file = join(process.env.LIMIT_PROBE_FOLDER ?? '.', `${process.pid}.jsonl`);
const WRITE_MS = 200;
let lines: string[] = [];

function note(event: LimitEvent): void {
  lines.push(`${JSON.stringify(event)}\n`);
}

function write(): void {
  if (lines.length > 0) appendFileSync(file, lines.join(''));
  lines = [];
}

setInterval(write, WRITE_MS).unref();
process.on('exit', write);

const { admit } = Limiter.prototype;
Limiter.prototype.admit = function (this: Limiter, rules, subject, cost) {
  const askedMs = this.now();
  let weight = 1;
  const watched = () => {
    const found = cost();
    if (found !== undefined) weight = found.inputTokens + found.outputTokens;
    return found;
  };
  const done = (verdict: Admission | Refusal, hasWaited: boolean) => {
    const refused = verdict instanceof Admission ? undefined : verdict;
    const retryAfterMs = refused?.reason === 'wait' ? refused.retryAfterMs : undefined;
    const asked = { type: 'asked', askedMs, atMs: this.now(), hasWaited, isRefused: refused !== undefined } as const;
    note({ ...asked, weight: refused?.weight ?? weight, retryAfterMs });
    return verdict;
  };
  const verdict = admit.call(this, rules, subject, watched);
  return verdict instanceof Promise ? verdict.then((late) => done(late, true)) : done(verdict, false);
};

const { enter, change } = SharedMeter.prototype;
SharedMeter.prototype.enter = function (this: SharedMeter, nowMs, weight) {
  const place = enter.call(this, nowMs, weight);
  note({ type: 'entered', atMs: place.atMs, weight });
  return place;
};
SharedMeter.prototype.change = function (this: SharedMeter, atMs, untilMs, delta) {
  change.call(this, atMs, untilMs, delta);
  note({ type: 'changed', atMs: Date.now(), enteredAtMs: atMs, delta });
};
