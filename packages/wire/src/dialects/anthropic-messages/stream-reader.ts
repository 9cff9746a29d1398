import type { Finish } from '../../canon/response.ts';
import type { PartDelta, StreamEvent } from '../../canon/stream.ts';
import { unfold } from '../../canon/unfold.ts';
import type { ReadResponseOptions, StreamReader } from '../../dialect.ts';
import { Fault } from '../../fault.ts';
import type { SseEvent } from '../../framing/sse.ts';
import { parseJson } from '../../json/parse.ts';
import { asNumber, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { readBlock, readContext } from './blocks.ts';
import { readStreamFault } from './fault.ts';
import { ANTHROPIC, Fields } from './fields.ts';
import { readFinish } from './finish.ts';
import type { PartCodec } from './parts/codec.ts';
import { growOpaque } from './parts/opaque.ts';
import { readHead, readResponse } from './response.ts';
import { joinRawUsage, readUsage } from './usage.ts';

/** A block between its start and its stop. */
interface OpenBlock {
  codec: PartCodec;
  start: JsonObject;
  /** Did text (not blank) or arguments come after the start? */
  grown: boolean;
  /** The number of its part; undefined while a block of unknown kind is gathered whole. */
  part: number | undefined;
}

/** Reads a stream of messages. @see https://docs.claude.com/en/docs/build-with-claude/streaming */
export function streamReader(options: ReadResponseOptions): StreamReader {
  return new AnthropicStreamReader(options);
}

class AnthropicStreamReader implements StreamReader {
  private readonly open = new Map<number, OpenBlock>();
  private parts = 0;
  private usage: JsonObject | undefined;
  private started = false;
  private finished = false;
  /** A reason to stop that stood in `message_start` already; holds if none comes later. */
  private early: Finish | undefined;
  /** The stream said it was done, or that it failed: nothing counts after that. */
  private closed = false;

  constructor(private readonly options: ReadResponseOptions) {}

  read(event: SseEvent): StreamEvent[] {
    if (this.closed || event.data === '' || event.data === '[DONE]') return [];
    const value = parsed(event.data);
    const type = typeof value.type === 'string' ? value.type : event.event;
    switch (type) {
      case 'message_start':
        return this.readStart(value);
      case 'content_block_start':
        return this.readBlockStart(value);
      case 'content_block_delta':
        return this.readBlockDelta(value);
      case 'content_block_stop':
        return this.readBlockStop(value);
      case 'message_delta':
        return this.readMessageDelta(value);
      case 'message_stop':
        return this.readStop(value);
      case 'message':
        return this.readWhole(value);
      case 'error':
        this.closed = true;
        return [{ type: 'fault', fault: readStreamFault(value) }];
      case 'ping':
        return Object.keys(value).every((name) => name === 'type') ? [{ type: 'ping' }] : [opaque(event, value)];
      default:
        return isObject(value.error) ? this.readBareError(value) : [opaque(event, value)];
    }
  }

  end(): StreamEvent[] {
    if (this.closed) return [];
    this.closed = true;
    return [{ type: 'fault', fault: new Fault('upstream_cut_short') }];
  }

  private readStart(value: JsonObject): StreamEvent[] {
    if (this.started) return [];
    this.started = true;
    const message = new Fields(isObject(value.message) ? value.message : {}, 'message', 'upstream_garbled');
    const head = readHead(message);
    const content = message.list('content') ?? [];
    this.early = readFinish(message);
    const usage = message.object('usage');
    const residue = eventResidue(value, ['type', 'message'], message.residue());
    const events: StreamEvent[] = [{ type: 'response-start', ...head, ...(residue && { residue }) }];
    if (usage) events.push(this.addUsage(usage));
    for (const block of content) events.push(...this.readWholeBlock(block));
    return events;
  }

  private addUsage(raw: JsonObject): StreamEvent {
    this.usage = joinRawUsage(this.usage, raw);
    return { type: 'usage', usage: readUsage(this.usage) };
  }

  private readBlockStart(value: JsonObject): StreamEvent[] {
    const index = asNumber(value.index) ?? this.parts;
    const events = this.start(index, value.content_block ?? null);
    const residue = eventResidue(value, ['type', 'index', 'content_block']);
    if (residue) events.push(...this.deltas(index, [{ type: 'residue', residue }]));
    return events;
  }

  private start(index: number, content: Json): StreamEvent[] {
    const context = readContext('upstream_garbled', this.options.toolNames, true);
    const { part: value, codec } = readBlock(content, `content[${index}]`, context);
    const start = isObject(content) ? { ...content } : {};
    if (value.type === 'opaque') {
      this.open.set(index, { codec, start, grown: false, part: undefined });
      return [];
    }
    const part = this.parts++;
    this.open.set(index, { codec, start, grown: false, part });
    return [{ type: 'part-start', choice: 0, part, value }];
  }

  private readBlockDelta(value: JsonObject): StreamEvent[] {
    const index = asNumber(value.index) ?? -1;
    const block = this.open.get(index);
    const wire = value.delta;
    if (block === undefined || !isObject(wire)) return [opaque({ data: '', event: 'content_block_delta' }, value)];
    const residue = eventResidue(value, ['type', 'index', 'delta']);
    const late: PartDelta[] = residue ? [{ type: 'residue', residue }] : [];
    if (block.part === undefined) {
      block.start = growOpaque(block.start, wire);
      return this.deltas(index, late);
    }
    const deltas = block.codec.readDelta?.(new Fields(wire, `content[${index}].delta`, 'upstream_garbled'));
    if (deltas === undefined) return [opaque({ data: '', event: 'content_block_delta' }, value)];
    return this.deltas(index, [...deltas, ...late]);
  }

  private deltas(index: number, deltas: PartDelta[]): StreamEvent[] {
    const block = this.open.get(index);
    if (block === undefined) return [];
    const { part } = block;
    if (part === undefined) {
      for (const delta of deltas) if (delta.type === 'residue') Object.assign(block.start, delta.residue[ANTHROPIC]);
      return [];
    }
    block.grown ||= deltas.some(isGrowth);
    return deltas.map((delta) => ({ type: 'part-delta', choice: 0, part, delta }));
  }

  private readBlockStop(value: JsonObject): StreamEvent[] {
    const index = asNumber(value.index) ?? -1;
    const residue = eventResidue(value, ['type', 'index']);
    const late = residue ? this.deltas(index, [{ type: 'residue', residue }]) : [];
    return [...late, ...this.stop(index)];
  }

  private stop(index: number): StreamEvent[] {
    const block = this.open.get(index);
    if (block === undefined) return [];
    this.open.delete(index);
    if (block.part === undefined) {
      const part = this.parts++;
      const start: StreamEvent = {
        type: 'part-start',
        choice: 0,
        part,
        value: { type: 'opaque', dialect: ANTHROPIC, value: block.start },
      };
      return [start, { type: 'part-end', choice: 0, part }];
    }
    const { part } = block;
    const last = block.codec.readEnd?.(block.start, block.grown) ?? [];
    const events: StreamEvent[] = last.map((delta) => ({ type: 'part-delta', choice: 0, part, delta }));
    events.push({ type: 'part-end', choice: 0, part });
    return events;
  }

  private readWholeBlock(block: Json): StreamEvent[] {
    const index = -1 - this.parts; // No index of the wire is negative.
    return [...this.start(index, block), ...this.stop(index)];
  }

  private readMessageDelta(value: JsonObject): StreamEvent[] {
    const events: StreamEvent[] = [];
    const delta = new Fields(isObject(value.delta) ? value.delta : {}, 'delta', 'upstream_garbled');
    const finish = readFinish(delta);
    const residue = eventResidue(value, ['type', 'delta', 'usage'], delta.residue());
    if (residue) events.push({ type: 'response-residue', residue });
    if (isObject(value.usage)) events.push(this.addUsage(value.usage));
    if (finish && !this.finished) {
      this.finished = true;
      events.push(...this.stopAll(), { type: 'choice-end', choice: 0, finish });
    }
    return events;
  }

  private stopAll(): StreamEvent[] {
    return [...this.open.keys()].flatMap((index) => this.stop(index));
  }

  private readStop(value: JsonObject): StreamEvent[] {
    this.closed = true;
    const residue = eventResidue(value, ['type']);
    const events = this.stopAll();
    if (this.early && !this.finished) events.push({ type: 'choice-end', choice: 0, finish: this.early });
    else if (this.parts === 0 && !this.finished) events.push({ type: 'choice-residue', choice: 0, residue: {} });
    if (residue) events.push({ type: 'response-residue', residue });
    return [...events, { type: 'response-end' }];
  }

  /** Some clouds answer a stream with one whole message when the model was not asked to stream. */
  private readWhole(value: JsonObject): StreamEvent[] {
    this.closed = true;
    return unfold(readResponse(value, this.options));
  }

  private readBareError(value: JsonObject): StreamEvent[] {
    this.closed = true;
    return [{ type: 'fault', fault: readStreamFault(value) }];
  }
}

function isGrowth(delta: PartDelta): boolean {
  return delta.type === 'arguments' || (delta.type === 'text' && delta.text.trim() !== '');
}

function parsed(data: string): JsonObject {
  let value: Json;
  try {
    value = parseJson(data);
  } catch (cause) {
    throw new Fault('upstream_garbled', { message: 'The provider sent a stream event that is not JSON.', cause });
  }
  if (isObject(value)) return value;
  throw new Fault('upstream_garbled', { message: 'The provider sent a stream event that is no JSON object.' });
}

function opaque(event: SseEvent, value: JsonObject): StreamEvent {
  return { type: 'opaque', dialect: ANTHROPIC, ...(event.event ? { event: event.event } : {}), value };
}

/** What an event says beside its known fields, added to `base`. */
function eventResidue(value: JsonObject, known: string[], base?: ReturnType<Fields['residue']>) {
  let hasMore = false;
  for (const name in value) hasMore ||= !known.includes(name);
  if (!hasMore) return base;
  const fields = new Fields(value, '', 'upstream_garbled');
  fields.take(...known);
  return fields.residue(base);
}
