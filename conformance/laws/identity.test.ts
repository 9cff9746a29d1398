/** Law 1: in one dialect, writing what was read gives what was read, unknown fields included. */
import { test } from 'bun:test';
import { fold } from '@turnpike/wire/canon/fold.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { differences as jsonDifferences } from '@turnpike/wire/json/equal.ts';
import { isObject, type Json, JsonNumber, type JsonObject } from '@turnpike/wire/json/value.ts';
import { describeCorpus, type Recording } from '../corpus.ts';
import { NOT_CONCERNED, Tally } from '../tally.ts';
import { bytesOf, dataOf, dialects, objectsOf, readStream, writeOptions, writeStream } from '../trip.ts';
import { describeDifferences, differences } from './difference.ts';
import { startedStream, streamBytes, validRequest, wholeResponse } from './recorded.ts';

describeCorpus('law 1: write(read(x)) equals x', (corpus) => {
  for (const dialect of Object.values(dialects)) {
    const recordings = corpus.filter((recording) => recording.dialect === dialect.id);
    lawTest(`requests ${dialect.id}`, recordings, (recording) => {
      const body = validRequest(dialect, recording);
      return body && (() => sameRequest(dialect, body));
    });
    lawTest(`responses ${dialect.id}`, recordings, (recording) => {
      const body = wholeResponse(recording);
      return body && (() => sameResponse(dialect, body));
    });
    lawTest(`streams ${dialect.id}`, recordings, (recording) => {
      const bytes = streamBytes(recording);
      return bytes && startedStream(dialect, recording) && (() => sameStream(dialect, bytes));
    });
    lawTest(`errors ${dialect.id}`, recordings, (recording) => {
      const bytes = recording.meta.status >= 400 ? recording.response : undefined;
      return bytes && (() => sameFault(dialect, recording, bytes));
    });
  }
});

/** One test per law and dialect; recordings for which `prepare` gives nothing have no such thing. */
function lawTest(
  title: string,
  recordings: readonly Recording[],
  prepare: (recording: Recording) => (() => void) | undefined,
): void {
  const tally = new Tally(`law 1 ${title}`);
  test(title, () => {
    for (const recording of recordings) {
      tally.run(recording.id, () => {
        const run = prepare(recording);
        return run ? run() : NOT_CONCERNED;
      });
    }
    tally.expectAllPassed();
  });
}

function sameRequest(dialect: Dialect, body: JsonObject): void {
  const canon = dialect.readRequest(body);
  const written = dialect.writeRequest(canon, { model: canon.model, quirks: {} });
  expectNone(
    jsonDifferences(body, written.body).map(
      (path) => `${path}: ${show(at(body, path))} → ${show(at(written.body, path))}`,
    ),
  );
  expectNone(written.losses.map((loss) => `loss ${loss.path}: ${loss.reason}`));
}

function sameResponse(dialect: Dialect, body: JsonObject): void {
  const written = dialect.writeResponse(dialect.readResponse(body, { quirks: {} }), writeOptions);
  expectNone(
    jsonDifferences(body, written.body).map(
      (path) => `${path}: ${show(at(body, path))} → ${show(at(written.body, path))}`,
    ),
  );
  expectNone(written.losses.map((loss) => `loss ${loss.path}: ${loss.reason}`));
}

function sameStream(dialect: Dialect, bytes: Uint8Array): void {
  const events = readStream(dialect, [bytes]);
  const written = writeStream(dialect, events);
  const again = readStream(dialect, [bytesOf(written.text)]);
  const before = fold(events);
  const after = fold(again);
  // Where the provider gave no time, the dialect demands one all the same.
  const open = differences('', before, { ...after, createdSec: before.createdSec && after.createdSec });
  if (open.length > 0) throw new Error(`the fold changed\n    ${describeDifferences(open)}`);
  if (events.at(-1)?.type === 'fault') return; // Broken off, or not to be read further: the fold says what there was.
  const received = dataOf(new TextDecoder().decode(bytes));
  if (!received.some(isWhole)) expectNone(lostLeaves(received, dataOf(written.text)));
  expectNone(written.losses.map((loss) => `loss ${loss.path}: ${loss.reason}`));
}

/** Some servers send the whole answer as the one event of a stream. It is written in pieces: its fold says the same. */
function isWhole(event: JsonObject): boolean {
  return event.type === 'message' || objectsOf(event.choices).some((choice) => choice.message !== undefined);
}

/**
 * Leaves of the chunks received that the chunks written do not have anywhere. Where a value stood counts without list
 * places; strings that came in pieces may come in other pieces (that all text is there, the fold says). Passed over, each because it says nothing about the
 * answer: `null` and empty values; padding against traffic analysis (`obfuscation`); of running totals (`usage`) all but
 * the last; of ids and times that change from chunk to chunk all but one, since an answer has one. Of an error in the
 * stream its message, type and code must survive (see the errors above).
 */
function lostLeaves(received: readonly JsonObject[], written: readonly JsonObject[]): string[] {
  const before = leavesOf(received);
  const after = leavesOf(written);
  return [...before].flatMap(([path, values]) => {
    const kept = after.get(path) ?? [];
    if (values.join('') === kept.join('')) return [];
    if (/\busage\b/.test(path)) {
      return values.at(-1) === kept.at(-1) ? [] : [`${path}: ${values.at(-1)} → ${kept.at(-1)}`];
    }
    if (path === '.id' || path === '.created') return kept.every((value) => values.includes(value)) ? [] : [path];
    if (path.startsWith('.error.') && !/^\.error\.(message|type|code)$/.test(path)) return [];
    if (/\.(text|thinking|partial_json|content|reasoning_content|arguments)$/.test(path)) return [];
    const missing = values.filter((value) => !kept.includes(value));
    return missing.length === 0 ? [] : [`${path}: lost ${show(missing[0])} and ${missing.length - 1} more`];
  });
}

function leavesOf(chunks: readonly JsonObject[]): Map<string, string[]> {
  const leaves = new Map<string, string[]>();
  const visit = (value: Json | undefined, path: string): void => {
    if (value === undefined || value === null || value === '' || path.endsWith('.obfuscation')) return;
    if (Array.isArray(value)) for (const inner of value) visit(inner, `${path}[]`);
    else if (isObject(value)) for (const name of Object.keys(value)) visit(value[name], `${path}.${name}`);
    else leaves.set(path, [...(leaves.get(path) ?? []), value instanceof JsonNumber ? value.text : String(value)]);
  };
  for (const chunk of chunks) visit(chunk, '');
  return leaves;
}

function sameFault(dialect: Dialect, recording: Recording, bytes: Uint8Array): void {
  const headers = new Headers(recording.meta.responseHeaders);
  const fault = dialect.readFault(recording.meta.status, headers, bytes);
  const said = saidBy(new TextDecoder().decode(bytes));
  const wrong: string[] = [];
  if (fault.upstream?.status !== recording.meta.status) wrong.push(`status ${fault.upstream?.status}`);
  for (const name of ['message', 'type', 'code'] as const) {
    // More of what the provider said (the words of the provider behind it) may follow its message.
    const kept = fault.upstream?.[name];
    if (said[name] !== undefined && kept !== said[name] && !(name === 'message' && kept?.startsWith(said[name]))) {
      wrong.push(`${name}: ${show(said[name])} → ${show(fault.upstream?.[name])}`);
    }
  }
  const written = saidBy(JSON.stringify(dialect.writeFault(fault)));
  if (said.message !== undefined && !written.message?.includes(said.message))
    wrong.push(`written: ${show(written.message)}`);
  if (said.error === 'object' && said.type !== undefined && written.type !== said.type)
    wrong.push(`written type: ${written.type}`);
  expectNone(wrong);
}

/** What an error body says, wherever providers of either dialect put it. */
function saidBy(text: string): { message?: string; type?: string; code?: string; error?: 'object' } {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return {}; // A proxy's page; that reading it gives a fault at all is the point then.
  }
  if (!isObject(body)) return {};
  const source = isObject(body.error) ? body.error : body;
  const textOf = (value: Json | undefined) =>
    typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  return {
    message: textOf(source.message),
    type: textOf(source.type),
    code: textOf(source.code),
    error: isObject(body.error) ? 'object' : undefined,
  };
}

function expectNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.slice(0, 8).join('\n    '));
}

function at(value: unknown, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter((step) => step !== '')
    .reduce<unknown>(
      (inner, step) => (inner === null || inner === undefined ? inner : (inner as Record<string, unknown>)[step]),
      value,
    );
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent';
  return text.length > 160 ? `${text.slice(0, 160)}…` : text;
}
