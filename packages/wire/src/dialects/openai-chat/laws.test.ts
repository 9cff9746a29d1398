import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Fold } from '../../canon/fold.ts';
import type { Loss } from '../../canon/loss.ts';
import type { CanonResponse } from '../../canon/response.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { unfold } from '../../canon/unfold.ts';
import { SseDecoder } from '../../framing/sse.ts';
import { differences } from '../../json/equal.ts';
import { parseJson } from '../../json/parse.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';

/** The laws of the wire package over every recorded exchange of this dialect. */

const shared = process.env.TURNPIKE_SHARED ?? resolve(import.meta.dir, '../../../../../../shared');
const corpus = join(shared, 'corpus');
const isHere = existsSync(join(corpus, 'MANIFEST.json'));

interface Entry {
  case: string;
  api: string;
  status: number;
}

const entries: Entry[] = isHere
  ? JSON.parse(readFileSync(join(corpus, 'MANIFEST.json'), 'utf8')).entries.filter(
      (entry: Entry) => entry.api === 'openai.chat',
    )
  : [];

function bytesOf(entry: Entry, file: string): Uint8Array | undefined {
  const path = join(corpus, entry.case, file);
  return existsSync(path) ? readFileSync(path) : undefined;
}

function jsonOf(entry: Entry, file: string): Json | undefined {
  const bytes = bytesOf(entry, file);
  return bytes === undefined ? undefined : parseJson(new TextDecoder().decode(bytes));
}

const options = { fallbackId: 'chatcmpl-fallback', nowSec: 1_700_000_000, streamUsage: true };

function eventsOf(pieces: Iterable<Uint8Array>): StreamEvent[] {
  const decoder = new SseDecoder();
  const reader = openaiChat.streamReader({ quirks: {} });
  const events: StreamEvent[] = [];
  for (const piece of pieces) for (const event of decoder.push(piece)) events.push(...reader.read(event));
  for (const event of decoder.end().events) events.push(...reader.read(event));
  events.push(...reader.end());
  return events;
}

function written(events: readonly StreamEvent[]): { text: string; losses: Loss[] } {
  const writer = openaiChat.streamWriter(options);
  let text = '';
  for (const event of events) text += writer.write(event);
  return { text, losses: writer.losses };
}

function folded(events: readonly StreamEvent[]): CanonResponse | undefined {
  if (!events.some((event) => event.type === 'response-start')) return undefined;
  const fold = new Fold();
  for (const event of events) fold.add(event);
  return fold.result();
}

const encode = (text: string) => new TextEncoder().encode(text);

/** A canon value without the notes on form, and without residue that held nothing else. */
function meaning(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaning);
  if (typeof value !== 'object' || value === null || value.constructor !== Object) return value;
  const clean: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (name.startsWith('~')) continue;
    const said = meaning(inner);
    const isNode = name === 'residue' || name === 'openai-chat';
    const isEmptied = isNode && differences(said, {}).length === 0;
    if (!isEmptied) clean[name] = said;
  }
  return clean;
}

/** The parts of each choice as the fixed order of a whole message would have them, texts joined. */
function inOrder(response: CanonResponse): unknown {
  const rank = (type: string) => (type === 'reasoning' ? 0 : type === 'tool-call' ? 2 : 1);
  return {
    ...response,
    choices: response.choices.map((choice) => {
      const parts = choice.parts.toSorted((a, b) => rank(a.type) - rank(b.type));
      const texts = parts.filter((part) => part.type === 'text');
      const joined = { ...texts[0], text: texts.map((part) => part.text).join('') };
      const others = parts.filter((part) => part.type !== 'text');
      return { ...choice, parts: [...(joined.text === '' ? [] : [joined]), ...others] };
    }),
  };
}

const skipped = new Map<string, number>();
function skip(reason: string): void {
  skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
}

function expectSame(entry: Entry, found: string[], failures: string[]): void {
  if (found.length > 0) failures.push(`${entry.case}: ${found.slice(0, 4).join(', ')}`);
}

function report(law: string, run: number): void {
  const left = [...skipped].map(([reason, count]) => `${count} ${reason}`).join('; ');
  console.log(`openai-chat, ${law}: ${run} recorded cases${left === '' ? '' : `; left out: ${left}`}`);
  skipped.clear();
}

if (!isHere) {
  console.log(`openai-chat laws: no recorded traffic at ${corpus}; all recorded cases left out`);
  test.if(process.env.CI !== undefined)('recorded traffic is present in CI', () => {
    throw new Error(`no recorded traffic at ${corpus}`);
  });
}

describe.if(isHere)('recorded requests', () => {
  test('write(read(x)) is x', () => {
    const failures: string[] = [];
    let run = 0;
    for (const entry of entries) {
      const body = jsonOf(entry, 'request.json');
      if (body === undefined) skip('without a recorded request');
      else if (!isObject(body) || body.$multipart !== undefined) skip('whose request is no JSON object');
      else if (!Array.isArray(body.messages)) skip('whose request has no messages');
      else {
        run++;
        const request = openaiChat.readRequest(body);
        const again = openaiChat.writeRequest(request, { model: request.model, quirks: {} });
        expectSame(
          entry,
          [...differences(body, again.body), ...again.losses.map((loss) => `lost ${loss.path}`)],
          failures,
        );
      }
    }
    report('law 1, requests', run);
    expect(failures).toEqual([]);
  });
});

describe.if(isHere)('recorded responses', () => {
  test('write(read(x)) is x, and the stream of x folds to x', () => {
    const failures: string[] = [];
    let run = 0;
    for (const entry of entries) {
      if (entry.status >= 400) {
        skip('that are errors');
        continue;
      }
      const body = jsonOf(entry, 'response.json');
      if (body === undefined) skip('that are streams');
      else if (!isObject(body)) skip('whose response is no JSON object');
      else {
        run++;
        const response = openaiChat.readResponse(body, { quirks: {} });
        expectSame(entry, differences(body, openaiChat.writeResponse(response, options).body), failures);
        const stream = written(unfold(response));
        const back = folded(eventsOf([encode(stream.text)]));
        expectSame(
          entry,
          differences(comparable(meaning(response)), comparable(meaning(back))).map((path) => `stream ${path}`),
          failures,
        );
      }
    }
    report('laws 1 and 3, responses', run);
    expect(failures).toEqual([]);
  });
});

/** A stream demands an id and a time, and cannot tell a finish reason that is empty. */
function comparable(value: unknown): unknown {
  if (!isObject(value)) return value;
  const { id, createdSec, ...rest } = value as JsonObject;
  const choices = Array.isArray(rest.choices) ? rest.choices : [];
  return {
    ...rest,
    id: id === options.fallbackId ? '' : id,
    createdSec: createdSec === options.nowSec ? undefined : createdSec,
    choices: choices.map((choice) => {
      if (!isObject(choice) || !isObject(choice.finish) || choice.finish.raw !== '') return choice;
      const { finish, ...others } = choice;
      return others;
    }),
  };
}

describe.if(isHere)('recorded streams', () => {
  const streams = entries.flatMap((entry) => {
    const bytes = bytesOf(entry, 'response.sse');
    return bytes === undefined ? [] : [{ entry, bytes }];
  });

  test('write(read(x)) folds to what x folds to', () => {
    const failures: string[] = [];
    for (const { entry, bytes } of streams) {
      const events = eventsOf([bytes]);
      const before = folded(events);
      const again = written(events);
      const after = folded(eventsOf([encode(again.text)]));
      const lost = again.losses.map((loss) => `lost ${loss.path}`);
      expectSame(entry, [...differences(comparable(before), comparable(after)), ...lost], failures);
    }
    report('law 1, streams', streams.length);
    expect(failures).toEqual([]);
  });

  test('the whole response of a stream reads back as its fold', () => {
    const failures: string[] = [];
    let run = 0;
    for (const { entry, bytes } of streams) {
      const whole = folded(eventsOf([bytes]));
      if (whole === undefined) skip('that hold an error and nothing else');
      else {
        run++;
        const { body, losses } = openaiChat.writeResponse(whole, options);
        const back = openaiChat.readResponse(body, { quirks: {} });
        const isReordered = losses.length > 0 && losses.every((loss) => loss.kind === 'changed');
        if (losses.some((loss) => loss.kind !== 'changed')) failures.push(`${entry.case}: ${JSON.stringify(losses)}`);
        const [a, b] = isReordered ? [inOrder(whole), inOrder(back)] : [whole, back];
        expectSame(entry, differences(comparable(meaning(a)), comparable(meaning(b))), failures);
      }
    }
    report('law 3, streams', run);
    expect(failures).toEqual([]);
  });

  test('any byte split gives the same events', () => {
    const failures: string[] = [];
    for (const { entry, bytes } of streams) {
      const whole = JSON.stringify(eventsOf([bytes]));
      for (const size of [1, 7, 64]) {
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        if (JSON.stringify(eventsOf(pieces)) !== whole) failures.push(`${entry.case}: split by ${size}`);
      }
    }
    report('law 4', streams.length);
    expect(failures).toEqual([]);
  });

  test('every unknown field of every chunk is in the fold', () => {
    const failures: string[] = [];
    for (const { entry, bytes } of streams) {
      const whole = folded(eventsOf([bytes]));
      const told = JSON.stringify(whole ?? {});
      for (const name of unknownNames(bytes)) if (!told.includes(`"${name}":`)) failures.push(`${entry.case}: ${name}`);
    }
    report('nothing lost', streams.length);
    expect(failures).toEqual([]);
  });

  test('the tap sees what the reader sees and changes nothing', () => {
    const failures: string[] = [];
    for (const { entry, bytes } of streams) {
      const events = eventsOf([bytes]);
      const whole = folded(events);
      for (const size of [bytes.length, 13]) {
        const tap = openaiChat.streamTap({});
        for (let at = 0; at < bytes.length; at += size) tap.push(bytes.subarray(at, at + size));
        tap.flush();
        expectSame(
          entry,
          differences(tap.usage, whole?.usage).map((path) => `usage ${path}`),
          failures,
        );
        const finish = whole?.choices.find((choice) => choice.index === 0)?.finish;
        expectSame(
          entry,
          differences(tap.finish, finish).map((path) => `finish ${path}`),
          failures,
        );
        if (tap.ended !== events.some((event) => event.type === 'response-end')) failures.push(`${entry.case}: ended`);
        const fault = events.find((event) => event.type === 'fault')?.fault;
        if (tap.fault?.message !== fault?.message) failures.push(`${entry.case}: fault`);
        if ((tap.responseId ?? '') !== (whole?.id ?? '')) failures.push(`${entry.case}: id ${tap.responseId}`);
      }
    }
    report('tap', streams.length);
    expect(failures).toEqual([]);
  });

  test('stripping the usage leaves everything else, at any byte split', () => {
    const failures: string[] = [];
    for (const { entry, bytes } of streams) {
      const outputs = [bytes.length, 1, 50].map((size) => strip(bytes, size));
      if (new Set(outputs).size !== 1) failures.push(`${entry.case}: depends on the split`);
      const [output = ''] = outputs;
      if (/"usage"\s*:\s*null/.test(output)) failures.push(`${entry.case}: usage null is left`);
      const [before, after] = [folded(eventsOf([bytes])), folded(eventsOf([encode(output)]))];
      expectSame(entry, differences(before?.choices, after?.choices), failures);
    }
    report('stripped usage', streams.length);
    expect(failures).toEqual([]);
  });
});

function strip(bytes: Uint8Array, size: number): string {
  const tap = openaiChat.streamTap({ stripUsage: true });
  const decoder = new TextDecoder();
  let text = '';
  for (let at = 0; at < bytes.length; at += size) {
    text += decoder.decode(tap.push(bytes.subarray(at, at + size)), { stream: true });
  }
  return text + decoder.decode(tap.flush());
}

const knownNames = new Set(
  'id object created model choices usage error service_tier index delta message finish_reason logprobs role content reasoning reasoning_content reasoning_details thinking_blocks refusal annotations audio images tool_calls function_call'.split(
    ' ',
  ),
);

function unknownNames(bytes: Uint8Array): Set<string> {
  const names = new Set<string>();
  const add = (object: JsonObject): void => {
    for (const name in object) if (!knownNames.has(name) && object[name] !== null) names.add(name);
  };
  const { events } = collect(bytes);
  for (const data of events) {
    if (data === '[DONE]') continue;
    const chunk = parseJson(data);
    if (!isObject(chunk) || chunk.error !== undefined) continue;
    add(chunk);
    for (const choice of Array.isArray(chunk.choices) ? chunk.choices : []) {
      if (!isObject(choice)) continue;
      add(choice);
      if (isObject(choice.delta)) add(choice.delta);
    }
  }
  return names;
}

function collect(bytes: Uint8Array): { events: string[] } {
  const decoder = new SseDecoder();
  const events = [...decoder.push(bytes), ...decoder.end().events].map((event) => event.data);
  return { events };
}

describe.if(isHere)('recorded errors', () => {
  test('every one gives a fault with a message and its own status, readable again', () => {
    const failures: string[] = [];
    let run = 0;
    for (const entry of entries.filter(({ status }) => status >= 400)) {
      const file = readdirSync(join(corpus, entry.case)).find((name) => name.startsWith('response.'));
      const bytes = file === undefined ? undefined : bytesOf(entry, file);
      if (bytes === undefined) continue;
      run++;
      const fault = openaiChat.readFault(entry.status, new Headers(), bytes);
      if (fault.status !== entry.status || !fault.upstream?.message) failures.push(entry.case);
      const again = openaiChat.readFault(
        entry.status,
        new Headers(),
        encode(JSON.stringify(openaiChat.writeFault(fault))),
      );
      if (again.upstream?.message !== fault.message) failures.push(`${entry.case}: message`);
    }
    report('errors', run);
    expect(failures).toEqual([]);
  });

  test('a tapped response tells what a read one does', () => {
    const failures: string[] = [];
    let run = 0;
    for (const entry of entries.filter(({ status }) => status < 400)) {
      const bytes = bytesOf(entry, 'response.json');
      const body = jsonOf(entry, 'response.json');
      if (bytes === undefined || !isObject(body)) continue;
      run++;
      const tap = openaiChat.tapResponse(bytes);
      const whole = openaiChat.readResponse(body, { quirks: {} });
      expectSame(entry, differences(tap?.usage, whole.usage), failures);
      expectSame(entry, differences(tap?.finish?.unified, whole.choices[0]?.finish?.unified), failures);
      if ((tap?.responseId ?? '') !== whole.id) failures.push(`${entry.case}: id`);
    }
    report('tapped responses', run);
    expect(failures).toEqual([]);
  });
});
