/** Law 2: what a trip through another dialect changed, its losses say. */
import { describe, expect, test } from 'bun:test';
import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { Part } from '@turnpike/wire/canon/part.ts';
import type { CanonRequest } from '@turnpike/wire/canon/request.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { describeCorpus, type Recording } from '../corpus.ts';
import { randomFrom, seedOf } from '../random.ts';
import { NOT_CONCERNED, Remarks, Tally } from '../tally.ts';
import { dialects, otherDialects } from '../trip.ts';
import { describeDifferences } from './difference.ts';
import { requestDifferences } from './equivalence.ts';
import { startedStream, streamBytes, validRequest, wholeResponse } from './recorded.ts';
import { requestTrip, responseTrip, streamTrip, type Trip } from './translation.ts';

/** @returns the losses declared, for the report. */
function expectCovered(trip: Trip): Remarks {
  const open = trip.open(trip.losses);
  if (open.length === 0) return new Remarks(trip.losses.map(({ kind, path, reason }) => `${kind} ${path}: ${reason}`));
  const said = trip.losses.map((loss) => `${loss.kind} ${loss.path}`).join(', ');
  throw new Error(`${describeDifferences(open)}\n    losses: ${said || 'none'}`);
}

describeCorpus('law 2: losses cover every difference', (corpus) => {
  for (const from of Object.values(dialects)) {
    for (const to of otherDialects(from)) {
      const recordings = corpus.filter((recording) => recording.dialect === from.id);
      describe(`${from.id} → ${to.id}`, () => {
        lawTest('requests', recordings, (recording) => {
          const body = validRequest(from, recording);
          return body && (() => requestTrip(from.readRequest(body), to));
        });
        lawTest('responses', recordings, (recording) => {
          const body = wholeResponse(recording);
          return body && (() => responseTrip(from.readResponse(body, { quirks: {} }), to));
        });
        lawTest('streams', recordings, (recording) => {
          const bytes = streamBytes(recording);
          return bytes && startedStream(from, recording) && (() => streamTrip(from, to, bytes));
        });
      });

      function lawTest(
        what: string,
        over: readonly Recording[],
        prepare: (recording: Recording) => (() => Trip) | undefined,
      ): void {
        const tally = new Tally(`law 2 ${what} ${from.id} → ${to.id}`);
        test(what, () => {
          for (const recording of over) {
            tally.run(recording.id, () => {
              const trip = prepare(recording);
              return trip ? expectCovered(trip()) : NOT_CONCERNED;
            });
          }
          tally.expectAllPassed();
        });
        test(`${what}: the law fails when losses are kept silent`, () => {
          // A trip that differs at all must be caught once its losses are taken away: otherwise the law proves nothing.
          const trips = over.flatMap((recording) => {
            try {
              const trip = prepare(recording);
              return trip ? [trip()] : [];
            } catch {
              return []; // Counted as failed above.
            }
          });
          const lossy = trips.filter((trip) => trip.losses.some(isDifference));
          const caught = lossy.filter((trip) => trip.open([]).length > 0);
          console.log(`law 2 ${what} ${from.id} → ${to.id}: ${caught.length} of ${lossy.length} silent losses caught`);
          expect(caught.length).toBe(lossy.length);
        });
      }
    }
  }
});

describeCorpus('law 2: what is smuggled in or out is caught', (corpus) => {
  for (const from of Object.values(dialects)) {
    for (const to of otherDialects(from)) {
      test(`${from.id} → ${to.id}`, () => {
        const caught = { left: 0, altered: 0, doubled: 0 };
        let tried = 0;
        for (const recording of corpus) {
          const body = recording.dialect === from.id ? validRequest(from, recording) : undefined;
          if (body === undefined) continue;
          const { source, after, losses } = tripOf(from, to, body);
          const random = randomFrom(seedOf(recording.id));
          const isCaught = (edit: (parts: Part[], at: number) => Part[]) =>
            requestDifferences(source, editPart(after, random, edit), losses).length > 0;
          tried++;
          if (isCaught((parts, at) => parts.toSpliced(at, 1))) caught.left++;
          if (isCaught((parts, at) => parts.with(at, altered(parts[at])))) caught.altered++;
          if (isCaught((parts, at) => parts.toSpliced(at, 0, { type: 'text', text: 'smuggled in' }))) caught.doubled++;
        }
        console.log(`law 2 ${from.id} → ${to.id}: of ${tried} each, caught ${JSON.stringify(caught)}`);
        // What a loss speaks of may differ, and so may what stands beside it: a few such edits are not to be caught.
        for (const count of Object.values(caught)) expect(count / Math.max(tried, 1)).toBeGreaterThan(0.9);
      });
    }
  }
});

function tripOf(from: Dialect, to: Dialect, body: JsonObject) {
  const source = from.readRequest(body);
  const { body: sent, losses } = to.writeRequest(source, { model: source.model, quirks: {} });
  return { source, after: to.readRequest(sent), losses };
}

/** The request with one content part of one message edited. */
function editPart(
  request: CanonRequest,
  random: () => number,
  edit: (parts: Part[], at: number) => Part[],
): CanonRequest {
  const full = request.messages.filter((message) => message.parts.length > 0);
  const chosen = full[Math.floor(random() * full.length)];
  const messages = request.messages.map((message) =>
    message === chosen
      ? { ...message, parts: edit(message.parts, Math.floor(random() * message.parts.length)) }
      : message,
  );
  return { ...request, messages };
}

function altered(part: Part | undefined): Part {
  if (part?.type === 'tool-call') return { ...part, id: `${part.id}x` };
  if (part?.type === 'tool-result') return { ...part, callId: `${part.callId}x` };
  if (part && 'text' in part) return { ...part, text: `${part.text}!` };
  return { type: 'text', text: 'something else' };
}

/** Does this loss alone make a difference under the rules? (`n: 1` and counts of zero make none: R10, A6.) */
function isDifference(loss: Loss): boolean {
  return loss.kind === 'dropped' && loss.path !== 'n' && !loss.path.startsWith('usage.');
}

describe('law 2 by hand', () => {
  const chat = dialects['openai-chat'];
  const messages = dialects['anthropic-messages'];
  const body: JsonObject = {
    model: 'm',
    seed: 7,
    logit_bias: { '1': 2 },
    messages: [
      { role: 'user', name: 'alice', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: 'Ho' },
    ],
  };

  test.each(['sampling.seed', 'residue.openai-chat.logit_bias', 'messages[0].name'])(
    'a silent loss of %s is caught',
    (path) => {
      const trip = requestTrip(chat.readRequest(body), messages);
      const silenced = trip.losses.filter((loss) => !loss.path.startsWith(path));
      expect(trip.open(trip.losses)).toEqual([]);
      expect(trip.open(silenced).filter((one) => one.path.startsWith(path))).not.toEqual([]);
    },
  );

  test('a message that vanishes is caught', () => {
    const source = chat.readRequest(body);
    const after = { ...source, messages: source.messages.slice(1) };
    expect(requestDifferences(source, after, []).map((one) => one.path)).toContain('messages[0].parts[0]');
  });

  test('a text that was changed is caught', () => {
    const source = chat.readRequest(body);
    const changed = JSON.parse(JSON.stringify(source).replace('Ho', 'Hm')) as CanonRequest;
    expect(requestDifferences(source, changed, []).map((one) => one.path)).toEqual(['messages[1].parts[0].text']);
  });

  test('content put in from nowhere is caught', () => {
    const source = chat.readRequest(body);
    const extra = { role: 'user' as const, parts: [{ type: 'text' as const, text: 'and more' }] };
    expect(requestDifferences(source, { ...source, messages: [...source.messages, extra] }, [])).toHaveLength(1);
  });
});
