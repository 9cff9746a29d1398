/** Laws 1 to 5 over generated input. A failing case names its seed; with it, the same case comes again. */
import { describe, expect, test } from 'bun:test';
import { arbitraryRequest, arbitraryResponse } from '@turnpike/wire/canon/arbitrary.test-support.ts';
import { arbitraryStream } from '@turnpike/wire/canon/arbitrary-stream.test-support.ts';
import { fold } from '@turnpike/wire/canon/fold.ts';
import type { Part } from '@turnpike/wire/canon/part.ts';
import type { CanonRequest } from '@turnpike/wire/canon/request.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { CanonResponse, Choice, Finish } from '@turnpike/wire/canon/response.ts';
import { unfold } from '@turnpike/wire/canon/unfold.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { differences as jsonDifferences } from '@turnpike/wire/json/equal.ts';
import fc from 'fast-check';
import { cutAtRandom, randomFrom } from '../random.ts';
import { bytesOf, dialects, otherDialects, readStream, writeOptions, writeStream } from '../trip.ts';
import { describeDifferences } from './difference.ts';
import { responseDifferences } from './equivalence.ts';
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
        fc.property(answers(own), (response) => {
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
          fc.property(requests(own), (request) => expectCovered(requestTrip(sayable(dialect, request), other))),
          RUNS,
        );
      });

      test(`law 2, responses to ${other.id}`, () => {
        fc.assert(
          fc.property(answers(own), (response) => expectCovered(responseTrip(given(dialect, response), other))),
          RUNS,
        );
      });

      test(`law 2, streams to ${other.id}`, () => {
        fc.assert(
          fc.property(answers(own), (response) => {
            const { text } = writeStream(dialect, unfold(given(dialect, response)));
            expectCovered(streamTrip(dialect, other, bytesOf(text)));
          }),
          RUNS,
        );
      });
    }

    test('law 3: a whole, streamed and folded, is the whole', () => {
      fc.assert(
        fc.property(answers(own), (response) => {
          const whole = given(dialect, response);
          const { text, losses } = writeStream(dialect, unfold(whole));
          const open = responseDifferences(whole, fold(readStream(dialect, [bytesOf(text)])), losses);
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

/** Answers as a provider could give them: with an id, a choice, and a finish that fits what was said; no cache marks. */
function answers(options: { dialects: DialectId[] }): fc.Arbitrary<CanonResponse> {
  return arbitraryResponse(options)
    .filter(({ id, choices }) => id !== '' && choices.length > 0)
    .map((response) => ({ ...response, choices: response.choices.map(plausible) }));
}

function plausible(choice: Choice): Choice {
  const calls = choice.parts.some((part) => part.type === 'tool-call' && part.ranBy === 'client');
  const finish: Finish = calls
    ? { unified: 'tool-calls', raw: 'tool_calls' }
    : { unified: 'stop', raw: 'stop', ...choice.finish };
  const isOdd = finish.unified === 'tool-calls' && !calls;
  return {
    ...choice,
    parts: choice.parts.map((part) => ({ ...part, cacheMark: undefined })),
    finish: isOdd ? { unified: 'stop', raw: 'stop' } : finish,
  };
}

/** A generated answer as a provider of `dialect` could really have given it: written once and read again. */
function given(dialect: Dialect, response: CanonResponse): CanonResponse {
  return dialect.readResponse(dialect.writeResponse(response, writeOptions).body, { quirks: {} });
}

/** Documents are PDF or text: neither API takes others, and a document of another kind is read as that kind. */
function requests(options: { dialects: DialectId[] }): fc.Arbitrary<CanonRequest> {
  const isKnown = (part: Part): boolean => {
    if (part.type === 'tool-result') return part.content.every(isKnown);
    if (part.type !== 'media' || part.source.type !== 'base64') return true;
    return part.kind !== 'document' || ['application/pdf', 'text/plain'].includes(part.mediaType ?? '');
  };
  return arbitraryRequest(options).map((request) => ({
    ...request,
    messages: request.messages.map((message) => ({ ...message, parts: message.parts.filter(isKnown) })),
  }));
}

/** A generated request as a client of `dialect` could really have sent it. */
function sayable(dialect: Dialect, request: CanonRequest): CanonRequest {
  return dialect.readRequest(dialect.writeRequest(request, { model: request.model, quirks: {} }).body);
}
