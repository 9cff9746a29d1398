import type { Finish } from '../../canon/response.ts';
import { mergeUsage, type Usage } from '../../canon/usage.ts';
import type { ResponseTap, StreamTap, TapOptions } from '../../dialect.ts';
import type { Fault } from '../../fault.ts';
import { EventGate } from '../../framing/event-gate.ts';
import { fieldJson, fieldString, scanJsonObject } from '../../json/lens.ts';
import { parseJson } from '../../json/parse.ts';
import { asString, isObject, type JsonObject } from '../../json/value.ts';
import { EventShape } from './event-shape.ts';
import { faultOfError } from './fault.ts';
import { readFinish } from './finish.ts';
import { usageCopyOf } from './stream-reader.ts';
import { stripUsage } from './strip-usage.ts';
import { readUsage } from './usage.ts';

const bytewise = new TextDecoder('latin1');
const utf8 = new TextDecoder();

/** A key worth parsing for, with another value than null; or an error event. */
const candidatePattern = /"(?:usage|finish_reason|error)"\s*:\s*[^n\s]|^event: ?error/;
/** A non-empty string at a key that holds what the model produced. */
const contentPattern = /"(?:content|reasoning_content|reasoning|arguments|refusal|text|data)":\s?"[^"]/;
const callsPattern = /"tool_calls"\s*:\s*\[\s*\{/;
/** So often a new shape is remembered in vain before it is no longer tried. */
const MISSES_MAX = 16;

/**
 * Observes a stream of chunks in passing. Each event is searched as text of bytes, and parsed only when it may hold
 * usage, a finish reason or an error: inside JSON strings quotes are escaped, so `"usage":` is a key wherever it stands.
 */
export class ChatStreamTap implements StreamTap {
  finish: Finish | undefined;
  responseId: string | undefined;
  ended = false;
  contentEvents = 0;
  private reportedFault: Fault | undefined;
  private reported: Usage | undefined;
  /** Groq's copy, for when it is all there is. */
  private copy: Usage | undefined;
  private hasCalls = false;
  /** Of an event that had content and nothing else of interest, seen after the response's id. */
  private shape: EventShape | undefined;
  /** Events with content since one was last of the shape remembered. */
  private misses = 0;
  private readonly gate: EventGate;

  constructor(options: TapOptions) {
    const isStripping = options.stripUsage === true;
    this.gate = new EventGate((event) => {
      const text = bytewise.decode(event);
      this.inspect(text, event);
      return isStripping ? stripUsage(text, event) : event;
    });
  }

  get usage(): Usage | undefined {
    return this.reported ?? this.copy;
  }

  get fault(): Fault | undefined {
    return this.reportedFault ?? this.gate.fault;
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.gate.push(chunk);
  }

  flush(): Uint8Array {
    const rest = this.gate.flush();
    // Providers that never say [DONE] say that they are done by a finish reason.
    if (this.finish !== undefined && this.fault === undefined) this.ended = true;
    return rest;
  }

  private inspect(text: string, event: Uint8Array): void {
    if (this.shape?.fits(text)) {
      this.contentEvents++;
      this.misses = 0;
      return;
    }
    const hasContent = contentPattern.test(text);
    if (hasContent) this.contentEvents++;
    if (!this.hasCalls) this.hasCalls = callsPattern.test(text);
    if (this.responseId === undefined || candidatePattern.test(text)) this.parse(event);
    else if (hasContent) this.learn(text);
    else if (text.length < 40 && dataOf(text) === '[DONE]') this.ended = true;
  }

  /** Remembers an event that had nothing but content, until it shows that every event is of another shape. */
  private learn(text: string): void {
    if (this.misses < MISSES_MAX) this.shape = EventShape.of(text);
    else this.shape = undefined;
    this.misses++;
  }

  private parse(event: Uint8Array): void {
    const data = dataOf(utf8.decode(event));
    if (data === '[DONE]') {
      this.ended = true;
      return;
    }
    const chunk = data === '' ? undefined : parsed(data);
    if (chunk === undefined) return;
    if (this.responseId === undefined) this.responseId = asString(chunk.id) || undefined;
    if (isObject(chunk.usage)) this.reported = mergeUsage(this.reported, readUsage(chunk.usage));
    const copy = usageCopyOf(chunk);
    if (copy !== undefined) this.copy = readUsage(copy);
    if (isObject(chunk.error) || (typeof chunk.error === 'string' && chunk.error !== '')) {
      this.reportedFault ??= faultOfError(chunk);
    }
    const [first] = Array.isArray(chunk.choices) ? chunk.choices : [];
    const raw = isObject(first) && (first.index ?? 0) === 0 ? asString(first.finish_reason) : undefined;
    if (raw) this.finish ??= readFinish(raw, this.hasCalls);
  }
}

function parsed(data: string): JsonObject | undefined {
  try {
    const value = parseJson(data);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // A tap only watches: the client gets the bytes as they are and judges them itself.
  }
}

/** The data of one raw event. */
function dataOf(event: string): string {
  let data = '';
  for (const line of event.split(/\r\n|\n|\r/)) {
    if (line.startsWith('data:')) data += data === '' ? line.slice(5) : `\n${line.slice(5)}`;
  }
  return data.trim();
}

/** Up to this size parsing the whole is cheaper than finding the few fields of interest. */
const SMALL_BYTES_MAX = 8 * 1024;

/** Reads usage, finish and id of a whole response. Of a large one only `usage`, `id` and the first finish are parsed. */
export function tapResponse(bytes: Uint8Array): ResponseTap | undefined {
  return bytes.length <= SMALL_BYTES_MAX ? tapSmall(bytes) : tapLarge(bytes);
}

function tapSmall(bytes: Uint8Array): ResponseTap | undefined {
  const value = parsed(utf8.decode(bytes));
  if (value === undefined || !Array.isArray(value.choices) || value.choices.length === 0) return undefined;
  const [choice] = value.choices;
  const raw = isObject(choice) ? choice.finish_reason : undefined;
  const message = isObject(choice) && isObject(choice.message) ? choice.message : {};
  const hasCalls = Array.isArray(message.tool_calls) && isObject(message.tool_calls[0]);
  return {
    usage: isObject(value.usage) ? readUsage(value.usage) : undefined,
    finish: typeof raw === 'string' ? readFinish(raw, hasCalls) : undefined,
    responseId: asString(value.id) || undefined,
  };
}

function tapLarge(bytes: Uint8Array): ResponseTap | undefined {
  const lens = scanJsonObject(bytes);
  if (!lens.ok) return undefined;
  const choices = lens.fields.get('choices');
  if (choices === undefined || bytes[choices.start] !== 0x5b) return undefined;
  const usage = lens.fields.get('usage');
  const usageValue = usage === undefined ? undefined : fieldJson(bytes, usage);
  return {
    usage: isObject(usageValue) ? readUsage(usageValue) : undefined,
    finish: finishOf(bytewise.decode(bytes.subarray(choices.start, choices.end))),
    responseId: fieldString(bytes, lens.fields.get('id')) || undefined,
  };
}

/** The first `finish_reason` in the bytes of `choices`, found without parsing them. */
function finishOf(choices: string): Finish | undefined {
  const found = /"finish_reason"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(choices);
  if (found?.[1] === undefined) return undefined;
  const raw: unknown = JSON.parse(`"${found[1]}"`);
  return typeof raw === 'string' ? readFinish(raw, callsPattern.test(choices)) : undefined;
}
