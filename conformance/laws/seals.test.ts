/**
 * Law 5: a sealed part goes back byte-identical to its issuer, or not at all (and then it is a loss). Run over the
 * requests and answers recorded, and over a second turn in which the client hands back what it was given.
 */
import { describe, test } from 'bun:test';
import { fold } from '@turnpike/wire/canon/fold.ts';
import { covers, type Loss } from '@turnpike/wire/canon/loss.ts';
import type { Part } from '@turnpike/wire/canon/part.ts';
import type { CanonRequest } from '@turnpike/wire/canon/request.ts';
import type { CanonResponse } from '@turnpike/wire/canon/response.ts';
import type { Seal } from '@turnpike/wire/canon/seal.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { describeCorpus, type Recording } from '../corpus.ts';
import { NOT_CONCERNED, Tally } from '../tally.ts';
import { bytesOf, dialects, readStream, writeOptions, writeStream } from '../trip.ts';
import { startedStream, validRequest, wholeResponse } from './recorded.ts';

interface Sealed {
  path: string;
  seal: Seal;
}

describeCorpus('law 5: seals are identical or absent', (corpus) => {
  for (const issuer of Object.values(dialects)) {
    const recordings = corpus.filter((recording) => recording.dialect === issuer.id);
    for (const face of Object.values(dialects)) {
      describe(`${issuer.id} through ${face.id}`, () => {
        lawTest(`history in a request ${issuer.id} → ${face.id}`, recordings, (recording) => {
          const body = validRequest(issuer, recording);
          return body && requestTrip(issuer, face, body);
        });
        lawTest(`second turn ${issuer.id} ⇄ ${face.id}`, recordings, (recording) => {
          const body = wholeResponse(recording);
          const answer = body && issuer.readResponse(body, { quirks: {} });
          return answer && secondTurn(issuer, face, answer, (response) => face.writeResponse(response, writeOptions));
        });
        lawTest(`second turn after a stream ${issuer.id} ⇄ ${face.id}`, recordings, (recording) => {
          const events = startedStream(issuer, recording);
          if (events === undefined) return undefined;
          // A streaming client gathers the same message from the chunks: the fold of what it was sent.
          return secondTurn(issuer, face, fold(events), () => {
            const written = writeStream(face, events);
            const gathered = fold(readStream(face, [bytesOf(written.text)]));
            return { body: face.writeResponse(gathered, writeOptions).body, losses: written.losses };
          });
        });
      });
    }
  }
});

/** Runs `prepare` for each recording; those that carry no seal are left out with that reason. */
function lawTest(
  title: string,
  recordings: readonly Recording[],
  prepare: (recording: Recording) => Passage | undefined,
): void {
  const tally = new Tally(`law 5 ${title}`);
  test(title, () => {
    for (const recording of recordings) {
      tally.run(recording.id, () => {
        const passage = prepare(recording);
        if (passage === undefined) return NOT_CONCERNED;
        expectSealsKept(passage);
        return passage.before.length > 0 ? undefined : 'without a seal';
      });
    }
    tally.expectAllPassed();
  });
}

interface Passage {
  before: Sealed[];
  after: Sealed[];
  /** Does a loss say that this seal, which did not arrive, was left behind? */
  isReported: (sealed: Sealed) => boolean;
}

function expectSealsKept({ before, after, isReported }: Passage): void {
  const given = new Map(before.map((one) => [one.seal.value, one]));
  for (const { path, seal } of after) {
    const origin = given.get(seal.value);
    if (origin === undefined) throw new Error(`${path}: a seal that nobody gave: ${seal.value.slice(0, 40)}…`);
    if (origin.seal.issuer !== seal.issuer || origin.seal.kind !== seal.kind) {
      throw new Error(`${path}: ${origin.seal.issuer} ${origin.seal.kind} became ${seal.issuer} ${seal.kind}`);
    }
  }
  const arrived = new Set(after.map((one) => one.seal.value));
  for (const sealed of before) {
    if (!arrived.has(sealed.seal.value) && !isReported(sealed)) {
      throw new Error(`${sealed.path}: the seal (${sealed.seal.issuer}) is gone without a loss`);
    }
  }
}

function saysGone(losses: readonly Loss[], path: string): boolean {
  return covers(losses, path) || covers(losses, `${path}.seal`);
}

/** A client's request with proofs in its history, to `target` and read there. */
function requestTrip(source: Dialect, target: Dialect, body: JsonObject): Passage {
  const canon = source.readRequest(body);
  const written = target.writeRequest(canon, { model: canon.model, quirks: {} });
  return {
    before: sealsOf(canon),
    after: sealsOf(target.readRequest(written.body)),
    isReported: ({ path }) => saysGone(written.losses, path),
  };
}

/** Provider → client → provider: the proof must return to where it came from. */
function secondTurn(
  issuer: Dialect,
  face: Dialect,
  answer: CanonResponse,
  write: (response: CanonResponse) => { body: JsonObject; losses: readonly Loss[] },
): Passage {
  const shown = write(answer);
  const back = face.readRequest(nextTurn(face, shown.body));
  const sent = issuer.writeRequest(back, { model: 'm', quirks: {} });
  const before = (answer.choices[0]?.parts ?? []).flatMap((part, at) => sealOfPart(part, `choices[0].parts[${at}]`));
  const returned = sealsOf(back);
  const isReported = ({ path, seal }: Sealed) => {
    const place = returned.find((one) => one.seal.value === seal.value);
    return place ? saysGone(sent.losses, place.path) : saysGone(shown.losses, path);
  };
  return { before, after: sealsOf(issuer.readRequest(sent.body)), isReported };
}

/** What clients do with an answer: append its message as it came, then go on. */
function nextTurn(face: Dialect, body: JsonObject): JsonObject {
  const ask = { role: 'user', content: 'Hi' };
  if (face.id === 'anthropic-messages') {
    const messages = [ask, { role: 'assistant', content: body.content }, { role: 'user', content: 'Go on' }];
    return { model: 'm', max_tokens: 100, messages };
  }
  const message = ((body.choices as JsonObject[])[0]?.message ?? { role: 'assistant', content: '' }) as JsonObject;
  return { model: 'm', messages: [ask, message, { role: 'user', content: 'Go on' }] };
}

function sealsOf(request: CanonRequest): Sealed[] {
  return request.messages.flatMap((message, at) =>
    message.parts.flatMap((part, index) => sealOfPart(part, `messages[${at}].parts[${index}]`)),
  );
}

function sealOfPart(part: Part, path: string): Sealed[] {
  return part.type === 'reasoning' && part.seal ? [{ path, seal: part.seal }] : [];
}
