/** Laws 1 to 5 over generated input. A failing case names its seed; with it, the same case comes again. */
import { describe, expect, test } from 'bun:test';
import { arbitraryRequest, arbitraryResponse } from '@turnpike/wire/canon/arbitrary.test-support.ts';
import { arbitraryStream } from '@turnpike/wire/canon/arbitrary-stream.test-support.ts';
import { fold } from '@turnpike/wire/canon/fold.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { differences as jsonDifferences } from '@turnpike/wire/json/equal.ts';
import fc from 'fast-check';
import { cutAtRandom, randomFrom } from '../random.ts';
import { bytesOf, dialects, otherDialects, readStream, writeOptions, writeStream } from '../trip.ts';
import { describeDifferences, differences } from './difference.ts';
import { requestTrip, responseTrip, streamTrip, type Trip } from './translation.ts';

const RUNS = {
  numRuns: Number(process.env.TURNPIKE_RUNS ?? 150),
  seed: Number(process.env.TURNPIKE_SEED ?? 20_261_120),
};

function expectCovered(trip: Trip): void {
  const open = trip.open(trip.losses);
  const said = trip.losses.map((loss) => `${loss.kind} ${loss.path}`).join(', ');
  if (open.length > 0) throw new Error(`${describeDifferences(open)}\n    losses: ${said}`);
}

for (const dialect of Object.values(dialects)) {
  const own = { dialects: [dialect.id] };

  describe(`generated ${dialect.id}`, () => {
    test('law 1, requests: what was written reads and writes as itself', () => {
      fc.assert(
        fc.property(arbitraryRequest(own), (request) => {
          const wire = dialect.writeRequest(request, { model: request.model, quirks: {} }).body;
          const again = dialect.writeRequest(dialect.readRequest(wire), { model: request.model, quirks: {} });
          expect(jsonDifferences(wire, again.body)).toEqual([]);
          expect(again.losses).toEqual([]);
        }),
        RUNS,
      );
    });

    test('law 1, responses', () => {
      fc.assert(
        fc.property(arbitraryResponse(own), (response) => {
          const wire = dialect.writeResponse(response, writeOptions).body;
          const again = dialect.writeResponse(dialect.readResponse(wire, { quirks: {} }), writeOptions);
          expect(jsonDifferences(wire, again.body)).toEqual([]);
          expect(again.losses).toEqual([]);
        }),
        RUNS,
      );
    });

    for (const other of otherDialects(dialect)) {
      test(`law 2, requests to ${other.id}`, () => {
        fc.assert(
          fc.property(arbitraryRequest(own), (request) => {
            expectCovered(requestTrip(reachable(dialect, request), other));
          }),
          RUNS,
        );
      });

      test(`law 2, responses to ${other.id}`, () => {
        fc.assert(
          fc.property(arbitraryResponse(own), (response) => {
            const wire = dialect.writeResponse(response, writeOptions).body;
            expectCovered(responseTrip(dialect.readResponse(wire, { quirks: {} }), other));
          }),
          RUNS,
        );
      });

      test(`law 2, streams to ${other.id}`, () => {
        fc.assert(
          fc.property(arbitraryStream(own), ({ events }) => {
            expectCovered(streamTrip(dialect, other, bytesOf(writeStream(dialect, events).text)));
          }),
          RUNS,
        );
      });
    }

    test('law 3: a written stream folds to what the whole reads as', () => {
      fc.assert(
        fc.property(arbitraryStream(own), ({ events }) => {
          const streamed = fold(readStream(dialect, [bytesOf(writeStream(dialect, events).text)]));
          const whole = dialect.readResponse(dialect.writeResponse(fold(events), writeOptions).body, { quirks: {} });
          const plain = (response: typeof whole) => ({ ...response, usage: { ...response.usage, raw: undefined } });
          const open = differences('', plain(whole), plain(streamed));
          if (open.length > 0) throw new Error(describeDifferences(open));
        }),
        RUNS,
      );
    });

    test('law 4: any byte split gives the same events', () => {
      fc.assert(
        fc.property(arbitraryStream(own), fc.nat(), ({ events }, seed) => {
          const bytes = bytesOf(writeStream(dialect, events).text);
          const pieces = cutAtRandom(bytes, 30, randomFrom(seed));
          expect(JSON.stringify(readStream(dialect, pieces))).toBe(JSON.stringify(readStream(dialect, [bytes])));
        }),
        RUNS,
      );
    });
  });
}

/** A generated request as a client of `dialect` could really have sent it: written once and read again. */
function reachable(
  dialect: Dialect,
  request: Parameters<Dialect['writeRequest']>[0],
): ReturnType<Dialect['readRequest']> {
  return dialect.readRequest(dialect.writeRequest(request, { model: request.model, quirks: {} }).body);
}
