/** Law 4: however the network cuts a stream, the events, the tap's findings and the bytes passed on are the same. */
import { test } from 'bun:test';
import type { StreamEvent } from '@turnpike/wire/canon/stream.ts';
import type { Dialect, TapOptions } from '@turnpike/wire/dialect.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import { describeCorpus } from '../corpus.ts';
import { cutAt, cutAtRandom, randomFrom, seedOf } from '../random.ts';
import { Tally } from '../tally.ts';
import { dialects, readStream } from '../trip.ts';
import { streamBytes } from './recorded.ts';

/** Up to this size every single cut is tried; its cost grows with the square of the size. */
const EVERY_CUT_BYTES_MAX = 2500;
const RANDOM_CUTS = 6;

describeCorpus('law 4: any byte split gives the same', (corpus) => {
  for (const dialect of Object.values(dialects)) {
    const tally = new Tally(`law 4 ${dialect.id}`);
    test(`${dialect.id}: events, tap and bytes`, () => {
      for (const recording of corpus) {
        const bytes = recording.dialect === dialect.id ? streamBytes(recording) : undefined;
        if (bytes === undefined) continue;
        tally.run(recording.id, () => {
          const whole = observe(dialect, [bytes]);
          for (const pieces of splits(bytes, seedOf(recording.id))) expectSame(whole, observe(dialect, pieces), pieces);
        });
      }
      tally.expectAllPassed();
    }, 120_000);
  }
});

function* splits(bytes: Uint8Array, seed: number): Generator<Uint8Array[]> {
  yield cutAt(
    bytes,
    Array.from({ length: bytes.length }, (_, at) => at),
  ); // byte by byte
  if (bytes.length <= EVERY_CUT_BYTES_MAX) {
    for (let at = 1; at < bytes.length; at++) yield cutAt(bytes, [at]);
  }
  const random = randomFrom(seed);
  for (let round = 0; round < RANDOM_CUTS; round++) yield cutAtRandom(bytes, 40, random);
}

interface Observed {
  events: string;
  /** Per tap option: what it found. */
  found: string[];
  passed: Uint8Array[];
  isFaulty: boolean[];
}

const TAPS: TapOptions[] = [{}, { stripUsage: true }];

function observe(dialect: Dialect, pieces: readonly Uint8Array[]): Observed {
  const taps = TAPS.map((options) => dialect.streamTap(options));
  const passed = taps.map((tap) => joinBytes([...pieces.map((piece) => tap.push(piece.slice())), tap.flush()]));
  return {
    events: JSON.stringify(readStream(dialect, pieces).map(comparable)),
    found: taps.map((tap) =>
      stringifyJson({
        usage: JSON.stringify(tap.usage),
        finish: JSON.stringify(tap.finish),
        responseId: tap.responseId,
        ended: tap.ended,
        fault: tap.fault?.message,
        contentEvents: tap.contentEvents,
      }),
    ),
    passed,
    isFaulty: taps.map((tap) => tap.fault !== undefined),
  };
}

/** A fault's stack says where it was made, which is no part of the event. */
function comparable(event: StreamEvent): unknown {
  if (event.type !== 'fault') return event;
  const { code, status, message, upstream } = event.fault;
  return { type: 'fault', isFault: event.fault instanceof Fault, code, status, message, upstream };
}

function expectSame(whole: Observed, cut: Observed, pieces: readonly Uint8Array[]): void {
  const where = () => `cut into ${pieces.length}, the first after ${pieces[0]?.length} bytes`;
  if (cut.events !== whole.events) throw new Error(`other events when ${where()}`);
  whole.found.forEach((found, tap) => {
    if (cut.found[tap] !== found) throw new Error(`tap ${tap}: ${found} → ${cut.found[tap]} when ${where()}`);
  });
  whole.passed.forEach((passed, tap) => {
    const other = cut.passed[tap] ?? new Uint8Array();
    // At an event that cannot be read the tap stops; how much of it had passed by then is up to the pieces.
    const until = whole.isFaulty[tap] ? Math.min(passed.length, other.length) : Math.max(passed.length, other.length);
    if (!Buffer.from(passed.subarray(0, until)).equals(other.subarray(0, until))) {
      throw new Error(`tap ${tap}: other bytes when ${where()}`);
    }
  });
}

function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
