/** Law 2: what a trip through another dialect changed, its losses say. */
import { describe, expect, test } from 'bun:test';
import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { CanonRequest } from '@turnpike/wire/canon/request.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { describeCorpus, type Recording } from '../corpus.ts';
import { Tally } from '../tally.ts';
import { dialects, otherDialects } from '../trip.ts';
import { describeDifferences } from './difference.ts';
import { requestDifferences } from './equivalence.ts';
import { startedStream, streamBytes, wholeResponse } from './recorded.ts';
import { requestTrip, responseTrip, streamTrip, type Trip } from './translation.ts';

function expectCovered(trip: Trip): void {
  const open = trip.open(trip.losses);
  if (open.length === 0) return;
  const said = trip.losses.map((loss) => `${loss.kind} ${loss.path}`).join(', ');
  throw new Error(`${describeDifferences(open)}\n    losses: ${said || 'none'}`);
}

describeCorpus('law 2: losses cover every difference', (corpus) => {
  for (const from of Object.values(dialects)) {
    for (const to of otherDialects(from)) {
      const recordings = corpus.filter((recording) => recording.dialect === from.id);
      describe(`${from.id} → ${to.id}`, () => {
        lawTest('requests', recordings, (recording) => {
          const body = recording.request;
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
            const trip = prepare(recording);
            if (trip) tally.run(recording.id, () => expectCovered(trip()));
          }
          tally.expectAllPassed();
        });
        test(`${what}: the law fails when losses are kept silent`, () => {
          // A trip that differs at all must be caught once its losses are taken away: otherwise the law proves nothing.
          const trips = over.flatMap((recording) => {
            const trip = prepare(recording);
            try {
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
