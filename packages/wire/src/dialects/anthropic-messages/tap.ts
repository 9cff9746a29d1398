import type { Finish } from '../../canon/response.ts';
import type { Usage } from '../../canon/usage.ts';
import type { ResponseTap, StreamTap } from '../../dialect.ts';
import type { Fault } from '../../fault.ts';
import { EventGate } from '../../framing/event-gate.ts';
import { SseDecoder } from '../../framing/sse.ts';
import { fieldJson, scanJsonObject } from '../../json/lens.ts';
import { parseJson } from '../../json/parse.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { readStreamFault } from './fault.ts';
import { Fields } from './fields.ts';
import { readFinish } from './finish.ts';
import { joinRawUsage, readUsage } from './usage.ts';

/** Reads usage and finish from the bytes of a stream in passing; nothing is ever taken out, usage always flows here. */
export function streamTap(): StreamTap {
  return new AnthropicStreamTap();
}

/** How each event begins, in bytes: enough to tell content from the few events that must be parsed. */
const DELTA_HEAD = new TextEncoder().encode('event: content_block_delta');
const BLOCK_HEAD = new TextEncoder().encode('event: content_block_');
const DELTA_AT = BLOCK_HEAD.length;

class AnthropicStreamTap implements StreamTap {
  usage: Usage | undefined;
  finish: Finish | undefined;
  responseId: string | undefined;
  ended = false;
  contentEvents = 0;
  private reportedFault: Fault | undefined;
  private raw: JsonObject | undefined;
  private readonly gate = new EventGate((event) => {
    this.observe(event);
    return event;
  });

  get fault(): Fault | undefined {
    return this.reportedFault ?? this.gate.fault;
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.gate.push(chunk);
  }

  flush(): Uint8Array {
    return this.gate.flush();
  }

  private observe(event: Uint8Array): void {
    if (startsWith(event, BLOCK_HEAD)) {
      if (event[DELTA_AT] === DELTA_HEAD[DELTA_AT]) this.contentEvents++;
      return;
    }
    for (const { event: name, data } of decoded(event)) this.observeEvent(name, data);
  }

  private observeEvent(name: string | undefined, data: string): void {
    const value = parsed(data);
    if (value === undefined) return;
    switch (typeof value.type === 'string' ? value.type : name) {
      case 'content_block_delta':
        this.contentEvents++;
        return;
      case 'message_start':
        if (isObject(value.message)) this.observeMessage(value.message);
        return;
      case 'message':
        this.contentEvents++;
        this.ended = true;
        this.observeMessage(value);
        return;
      case 'message_delta':
        this.observeDelta(value);
        return;
      case 'message_stop':
        this.ended = true;
        return;
      default:
        if (value.type === 'error' || name === 'error' || isObject(value.error))
          this.reportedFault = readStreamFault(value);
    }
  }

  private observeMessage(message: JsonObject): void {
    if (typeof message.id === 'string') this.responseId = message.id;
    this.observeUsage(message.usage);
    this.observeFinish(message);
  }

  private observeDelta(value: JsonObject): void {
    this.observeUsage(value.usage);
    if (isObject(value.delta)) this.observeFinish(value.delta);
  }

  private observeUsage(usage: Json | undefined): void {
    if (!isObject(usage)) return;
    this.raw = joinRawUsage(this.raw, usage);
    this.usage = readUsage(this.raw);
  }

  private observeFinish(holder: JsonObject): void {
    if (typeof holder.stop_reason === 'string') this.finish = readFinish(new Fields(holder, '', 'upstream_garbled'));
  }
}

function startsWith(bytes: Uint8Array, head: Uint8Array): boolean {
  if (bytes.length < head.length) return false;
  for (let i = head.length - 1; i >= 0; i--) if (bytes[i] !== head[i]) return false;
  return true;
}

function decoded(event: Uint8Array) {
  const decoder = new SseDecoder();
  return [...decoder.push(event), ...decoder.end().events];
}

function parsed(data: string): JsonObject | undefined {
  try {
    const value = parseJson(data);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // The bytes are passed on as they are; who reads them will see that they are garbled.
  }
}

/** Up to this size parsing the whole is cheaper than finding the few fields of interest. */
const SMALL_BYTES_MAX = 8 * 1024;
const utf8 = new TextDecoder();

/** Reads usage, finish and id of a whole message; the content of a large one is only skipped over. */
export function tapResponse(bytes: Uint8Array): ResponseTap | undefined {
  const holder = bytes.length <= SMALL_BYTES_MAX ? parsed(utf8.decode(bytes)) : fieldsOf(bytes);
  if (holder?.type !== 'message') return undefined;
  const usage = isObject(holder.usage) ? readUsage(holder.usage) : undefined;
  const isStopped = typeof holder.stop_reason === 'string';
  const finish = isStopped ? readFinish(new Fields(holder, '', 'upstream_garbled')) : undefined;
  return { usage, finish, responseId: typeof holder.id === 'string' ? holder.id : undefined };
}

function fieldsOf(bytes: Uint8Array): JsonObject | undefined {
  const lens = scanJsonObject(bytes);
  if (!lens.ok) return undefined;
  const holder: JsonObject = {};
  for (const [name, field] of lens.fields) {
    if (name === 'type' || name === 'id' || name === 'usage' || name.startsWith('stop_')) {
      holder[name] = fieldJson(bytes, field);
    }
  }
  return holder;
}
