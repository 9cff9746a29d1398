import type { Residue } from '../../canon/residue.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import type { ReadResponseOptions, StreamReader } from '../../dialect.ts';
import { Fault } from '../../fault.ts';
import type { SseEvent } from '../../framing/sse.ts';
import { parseJson } from '../../json/parse.ts';
import { asNumber, asString, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { ChangingFields } from './changing-fields.ts';
import { faultOfError } from './fault.ts';
import { CHAT } from './fields.ts';
import { StreamedChoice } from './stream-choice.ts';
import { readUsage } from './usage.ts';

const known = new Set(['id', 'object', 'created', 'model', 'choices', 'usage', 'service_tier', 'error']);

/**
 * Reads a stream of `chat.completion.chunk`.
 *
 * @see https://platform.openai.com/docs/api-reference/chat-streaming
 */
export class ChatStreamReader implements StreamReader {
  private isStarted = false;
  private isOver = false;
  private hasUsage = false;
  private responseId = '';
  private readonly choices = new Map<number, StreamedChoice>();
  private readonly unknown = new ChangingFields();
  /** Fields of chunks that came before the response had an id (Azure's prompt filter). */
  private held: JsonObject = {};
  private serviceTier: string | undefined;

  constructor(private readonly options: ReadResponseOptions) {}

  read(event: SseEvent): StreamEvent[] {
    const out: StreamEvent[] = [];
    const data = event.data.trim();
    if (this.isOver || data === '') return out;
    if (data === '[DONE]') {
      this.finish(out);
      return out;
    }
    const chunk = parseChunk(data);
    if (isFault(chunk, event)) {
      this.isOver = true;
      out.push({ type: 'fault', fault: faultOfError(chunk) });
    } else this.readChunk(chunk, out);
    return out;
  }

  end(): StreamEvent[] {
    const out: StreamEvent[] = [];
    if (this.isOver) return out;
    const choices = [...this.choices.values()];
    // Some providers never say [DONE]; every choice having a finish reason is their way of saying it.
    if (choices.length > 0 && choices.every((choice) => choice.isFinished)) this.finish(out);
    else out.push({ type: 'fault', fault: new Fault('upstream_cut_short') });
    this.isOver = true;
    return out;
  }

  private finish(out: StreamEvent[]): void {
    if (!this.isStarted) this.start({}, out);
    for (const choice of this.choices.values()) choice.close(out);
    const copy = this.hasUsage ? undefined : usageCopyOf(this.unknown.all);
    if (copy !== undefined) out.push({ type: 'usage', usage: readUsage(copy) });
    out.push({ type: 'response-end' });
    this.isOver = true;
  }

  private readChunk(chunk: JsonObject, out: StreamEvent[]): void {
    const choices = Array.isArray(chunk.choices) ? chunk.choices : [];
    this.readTop(chunk, choices, out);
    for (const [at, choice] of choices.entries()) {
      if (isObject(choice)) this.choice(asNumber(choice.index) ?? at).read(choice, out);
    }
    if (!isObject(chunk.usage)) return;
    if (!this.isStarted) this.start(chunk, out);
    this.hasUsage = true;
    out.push({ type: 'usage', usage: readUsage(chunk.usage) });
  }

  private readTop(chunk: JsonObject, choices: readonly Json[], out: StreamEvent[]): void {
    const changed = this.unknown.take(chunk, known);
    if (changed?.system_fingerprint === null) {
      delete changed.system_fingerprint;
      delete this.unknown.all.system_fingerprint;
    }
    const tier = asString(chunk.service_tier);
    const newTier = tier !== undefined && tier !== '' && tier !== this.serviceTier ? tier : undefined;
    if (newTier !== undefined) this.serviceTier = newTier;
    if (!this.isStarted) {
      Object.assign(this.held, changed);
      if (choices.length > 0 || asString(chunk.id)) this.start(chunk, out);
      return;
    }
    const residue: Residue = changed !== undefined && Object.keys(changed).length > 0 ? { [CHAT]: changed } : {};
    if (newTier !== undefined) out.push({ type: 'response-residue', residue, serviceTier: newTier });
    else if (residue[CHAT] !== undefined) out.push({ type: 'response-residue', residue });
  }

  private start(chunk: JsonObject, out: StreamEvent[]): void {
    this.isStarted = true;
    this.responseId = asString(chunk.id) ?? '';
    const event: StreamEvent = { type: 'response-start', id: this.responseId, model: asString(chunk.model) ?? '' };
    const created = asNumber(chunk.created);
    if (created !== undefined) event.createdSec = created;
    if (this.serviceTier !== undefined) event.serviceTier = this.serviceTier;
    if (Object.keys(this.held).length > 0) event.residue = { [CHAT]: this.held };
    out.push(event);
  }

  private choice(index: number): StreamedChoice {
    let choice = this.choices.get(index);
    if (choice === undefined) {
      choice = new StreamedChoice(index, this.responseId, this.options.toolNames);
      this.choices.set(index, choice);
    }
    return choice;
  }
}

function parseChunk(data: string): JsonObject {
  let value: Json;
  try {
    value = parseJson(data);
  } catch (cause) {
    throw new Fault('upstream_garbled', { message: 'The provider sent a chunk that is not JSON.', cause });
  }
  if (!isObject(value))
    throw new Fault('upstream_garbled', { message: 'The provider sent a chunk that is no object.' });
  return value;
}

function isFault(chunk: JsonObject, event: SseEvent): boolean {
  if (event.event === 'error') return true;
  const { error } = chunk;
  if (isObject(error) || Array.isArray(error)) return true;
  if (typeof error === 'string') return error !== '';
  if (chunk.choices !== undefined) return false;
  return chunk.object === 'error' || typeof chunk.message === 'string' || chunk.detail !== undefined;
}

/** Groq's own copy of the usage, in older streams the only one. */
export function usageCopyOf(chunk: JsonObject): JsonObject | undefined {
  return isObject(chunk.x_groq) && isObject(chunk.x_groq.usage) ? chunk.x_groq.usage : undefined;
}
