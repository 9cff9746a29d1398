/**
 * What an application's SDK reads from a provider directly equals what it reads through Turnpike; and when the client
 * speaks another dialect than the provider, text, reasoning, tool calls, finish and usage still agree with the recording.
 */
import { afterAll, beforeAll, describe, test } from 'bun:test';
import { join } from 'node:path';
import { fold } from '@turnpike/wire/canon/fold.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { CanonResponse } from '@turnpike/wire/canon/response.ts';
import { describeCorpus, jsonOf, type Recording, sharedRoot } from './corpus.ts';
import { describeDifferences, differences } from './laws/difference.ts';
import { startedStream, wholeResponse } from './laws/recorded.ts';
import { type Rig, startRig } from './rig.ts';
import { type AnswerRead, ask, finishesLike, whatMatters } from './sdk/ai-sdk.ts';
import { Tally } from './tally.ts';
import { dialects } from './trip.ts';

describeCorpus('differential', (corpus) => {
  let rig: Rig;

  beforeAll(async () => {
    const isOurs = new Set(corpus.map((recording) => recording.id));
    const corpusFilter = ({ name }: { name: string }) => isOurs.has(name);
    rig = await startRig({ emulator: { corpus: join(sharedRoot, 'corpus'), corpusFilter } });
  }, 30_000);
  afterAll(() => rig?.stop());

  for (const dialect of Object.values(dialects)) {
    const recordings = corpus.filter((recording) => recording.dialect === dialect.id && recording.response);

    describe(`${dialect.id} through Turnpike equals direct`, () => {
      const tally = new Tally(`differential ${dialect.id}`);
      test('every recording', async () => {
        for (const recording of recordings) {
          await tally.runAsync(recording.id, async () => {
            const odd = whereTurnpikeDiffers(recording);
            if (odd !== undefined) return odd;
            rig.emulator.serve(recording.id);
            const request = { dialect: dialect.id, isStreamed: recording.isStream, key: rig.key };
            const direct = await ask({ ...request, url: rig.emulator.url, model: 'm' });
            const through = await ask({ ...request, url: rig.url, model: dialect.id });
            const open = differences('', direct, through);
            if (open.length > 0) throw new Error(describeDifferences(open));
            return undefined;
          });
        }
        tally.expectAllPassed();
      }, 120_000);
    });

    for (const client of Object.values(dialects)) {
      if (client === dialect) continue;
      describe(`${client.id} client, ${dialect.id} provider`, () => {
        const tally = new Tally(`differential ${client.id} client of ${dialect.id}`);
        test('every answer', async () => {
          for (const recording of recordings) {
            await tally.runAsync(recording.id, async () => {
              const expected = answerOf(recording);
              if (expected === undefined) return 'no answer to compare: an error, or broken off';
              rig.emulator.serve(recording.id);
              const request = { url: rig.url, key: rig.key, model: dialect.id };
              const read = await ask({ ...request, dialect: client.id, isStreamed: recording.isStream });
              compare(client.id, expected, read);
              return undefined;
            });
          }
          tally.expectAllPassed();
        }, 120_000);
      });
    }
  }
});

/** Why Turnpike is to give something else than the recording does, if so. */
function whereTurnpikeDiffers(recording: Recording): string | undefined {
  if (recording.meta.status >= 300) {
    const isJson = recording.response !== undefined && jsonOf(recording.response) !== undefined;
    return isJson ? undefined : 'an error that is no JSON: Turnpike says it in the dialect';
  }
  if (isCut(recording)) return 'the recording breaks off: Turnpike says so, the SDK does not notice';
  const answer = answerOf(recording);
  const isEmpty = answer?.choices.every((choice) => choice.parts.length === 0 && choice.finish === undefined) ?? true;
  return isEmpty ? 'status 200 with no answer in it: Turnpike makes it the error it is' : undefined;
}

function isCut(recording: Recording): boolean {
  const events = startedStream(dialects[recording.dialect], recording);
  return events !== undefined && events.at(-1)?.type !== 'response-end';
}

/** The recorded answer in neutral words; undefined when it is an error or was cut. */
function answerOf(recording: Recording): CanonResponse | undefined {
  const dialect = dialects[recording.dialect];
  const body = wholeResponse(recording);
  if (body !== undefined) return dialect.readResponse(body, { quirks: {} });
  const events = startedStream(dialect, recording);
  return events === undefined || isCut(recording) ? undefined : fold(events);
}

function compare(client: DialectId, expected: CanonResponse, read: AnswerRead): void {
  const wanted = whatMatters(expected, client);
  const { finish, raw: _all, usage, toolCalls, ...got } = read;
  const open = differences('', { text: wanted.text, reasoning: wanted.reasoning }, got);
  open.push(...differences('usage', wanted.usage, comparableUsage(expected, usage)));
  open.push(...differences('toolCalls', wanted.toolCalls, toolCalls.map(unwrapped)));
  const [choice] = expected.choices;
  if (choice && !finishesLike(choice, finish)) open.push({ path: 'finish', was: choice.finish, is: finish });
  if (open.length > 0) throw new Error(describeDifferences(open));
}

/**
 * What a provider did not report, a dialect that demands a number has as zero. A few providers count cached input apart
 * from the prompt though their dialect includes it: then there is no number that says both.
 */
function comparableUsage(expected: CanonResponse, usage: AnswerRead['usage']): AnswerRead['usage'] {
  const { inputTokens, outputTokens, cacheReadTokens } = expected.usage ?? {};
  const isApart = (cacheReadTokens ?? 0) > (inputTokens ?? 0);
  return {
    ...usage,
    input: inputTokens === undefined ? undefined : isApart ? inputTokens : usage.input,
    output: outputTokens === undefined ? undefined : usage.output,
  };
}

/** Arguments that are no JSON object have to be put into one where the dialect wants an object. */
function unwrapped(call: AnswerRead['toolCalls'][number]): AnswerRead['toolCalls'][number] {
  const { input } = call;
  if (typeof input !== 'object' || input === null) return call;
  const [entry, ...more] = Object.entries(input);
  const isWrapping =
    entry !== undefined && more.length === 0 && /^(invalid_json|value|input|arguments)$/.test(entry[0]);
  return isWrapping && typeof entry[1] === 'string' ? { ...call, input: entry[1] } : call;
}
