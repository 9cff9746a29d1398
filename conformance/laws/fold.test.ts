/**
 * Law 3: the fold of a stream is the whole response. Recordings hold one or the other, so each is taken to the other
 * form by the dialect itself and back: whole → stream → fold, and stream → fold → whole.
 */
import { describe, test } from 'bun:test';
import { fold } from '@turnpike/wire/canon/fold.ts';
import type { CanonResponse } from '@turnpike/wire/canon/response.ts';
import { unfold } from '@turnpike/wire/canon/unfold.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { describeCorpus, type Recording } from '../corpus.ts';
import { NOT_CONCERNED, Tally } from '../tally.ts';
import { bytesOf, dialects, otherDialects, readStream, writeOptions, writeStream } from '../trip.ts';
import { type Difference, describeDifferences } from './difference.ts';
import { responseDifferences } from './equivalence.ts';
import { startedStream, wholeResponse } from './recorded.ts';

describeCorpus('law 3: fold(stream) equals the whole', (corpus) => {
  for (const dialect of Object.values(dialects)) {
    const recordings = corpus.filter((recording) => recording.dialect === dialect.id);
    describe(dialect.id, () => {
      lawTest(`${dialect.id} whole as stream`, recordings, (recording) => {
        const body = wholeResponse(recording);
        const whole = body && dialect.readResponse(body, { quirks: {} });
        // Some servers say an empty word for the finish. In a stream that word says "not finished yet".
        const canStream = whole?.choices.every((choice) => choice.finish?.raw !== '');
        return whole && canStream && (() => wholeAsStream(dialect, whole));
      });
      lawTest(`${dialect.id} stream as whole`, recordings, (recording) => {
        const events = startedStream(dialect, recording);
        return events && (() => streamAsWhole(dialect, fold(events)));
      });
      for (const other of otherDialects(dialect)) {
        lawTest(`${dialect.id} stream written as ${other.id}, streamed and whole`, recordings, (recording) => {
          const events = startedStream(dialect, recording);
          // A stream that broke off ends in a fault; its totals were still to come.
          if (events?.at(-1)?.type !== 'response-end') return undefined;
          return () => {
            const streamed = fold(readStream(other, [bytesOf(writeStream(other, events).text)]));
            const written = other.writeResponse(fold(events), writeOptions);
            const whole = other.readResponse(written.body, { quirks: {} });
            return responseDifferences(whole, streamed, written.losses);
          };
        });
      }
    });
  }
});

function lawTest(
  title: string,
  recordings: readonly Recording[],
  prepare: (recording: Recording) => (() => Difference[]) | false | undefined,
): void {
  const tally = new Tally(`law 3 ${title}`);
  test(title, () => {
    for (const recording of recordings) {
      tally.run(recording.id, () => {
        const run = prepare(recording);
        if (!run) return NOT_CONCERNED;
        const open = run();
        if (open.length > 0) throw new Error(describeDifferences(open));
      });
    }
    tally.expectAllPassed();
  });
}

function wholeAsStream(dialect: Dialect, whole: CanonResponse): Difference[] {
  const { text, losses } = writeStream(dialect, unfold(whole));
  return responseDifferences(whole, fold(readStream(dialect, [bytesOf(text)])), losses);
}

/** A stream may tell in which order text and calls came where the whole has no place for it: that is a loss, then. */
function streamAsWhole(dialect: Dialect, folded: CanonResponse): Difference[] {
  const { body, losses } = dialect.writeResponse(folded, writeOptions);
  return responseDifferences(folded, dialect.readResponse(body, { quirks: {} }), losses);
}
