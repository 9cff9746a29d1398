import type { MediaPart } from '../../canon/part.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { stringifyJson } from '../../json/stringify.ts';
import { asString, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { ChangingFields } from './changing-fields.ts';
import { readCitation } from './citations.ts';
import { CHAT, Fields } from './fields.ts';
import { readFinish } from './finish.ts';
import { PartSink } from './part-sink.ts';
import { readContentPart } from './parts/table.ts';
import { readProducedAudio, readProducedImage } from './produced-media.ts';
import { readLogprobs, spareCallId } from './response.ts';
import { StreamedReasoning } from './stream-reasoning.ts';
import { StreamedToolCalls } from './stream-tool-calls.ts';

const knownInChoice = new Set(['index', 'delta', 'message', 'finish_reason', 'logprobs']);
const knownInDelta = new Set([
  'role',
  'content',
  'reasoning',
  'reasoning_content',
  'reasoning_details',
  'thinking_blocks',
  'refusal',
  'annotations',
  'audio',
  'images',
  'tool_calls',
  'function_call',
]);

/** Reads the chunks of one choice. Text, reasoning and refusal end when something else begins; tool calls stay open. */
export class StreamedChoice {
  isFinished = false;
  private readonly sink: PartSink;
  private readonly reasoning: StreamedReasoning;
  private readonly calls: StreamedToolCalls;
  private text: number | undefined;
  private refusal: number | undefined;
  private audio: number | undefined;
  /** Audio of which nothing but its id is known: a piece follows, or it only refers to what was said earlier. */
  private audioHead: JsonObject | undefined;
  /** All text so far, for providers that send the whole message again instead of a delta. */
  private said = '';
  private readonly unknown = new ChangingFields();
  private readonly unknownInDelta = new ChangingFields();

  constructor(
    private readonly index: number,
    responseId: string,
    toolNames: ReadonlyMap<string, string> | undefined,
  ) {
    this.sink = new PartSink(index);
    this.reasoning = new StreamedReasoning(this.sink);
    this.calls = new StreamedToolCalls(this.sink, (position) => spareCallId(responseId, index, position), toolNames);
  }

  read(choice: JsonObject, out: StreamEvent[]): void {
    this.sink.into(out);
    const delta = isObject(choice.delta) ? choice.delta : isObject(choice.message) ? this.rest(choice.message) : {};
    this.readUnknown(choice, delta, out);
    this.readDelta(delta);
    if (isObject(choice.logprobs)) {
      out.push({ type: 'logprobs', choice: this.index, value: readLogprobs(choice.logprobs) });
    }
    const finish = asString(choice.finish_reason);
    if (finish !== undefined && finish !== '' && !this.isFinished) this.finish(finish, out);
  }

  /** Ends what is open. */
  close(out: StreamEvent[]): void {
    this.sink.into(out);
    if (this.audioHead !== undefined) this.startAudio(this.audioHead);
    this.calls.finish(() => this.closeRuns());
    this.sink.endAll();
  }

  private finish(raw: string, out: StreamEvent[]): void {
    this.close(out);
    this.closeRuns();
    this.audio = undefined;
    this.isFinished = true;
    out.push({ type: 'choice-end', choice: this.index, finish: readFinish(raw, this.calls.any) });
  }

  /** A whole message where a delta should be: what it adds to the text so far. */
  private rest(message: JsonObject): JsonObject {
    const { content } = message;
    if (typeof content !== 'string' || !content.startsWith(this.said)) return message;
    return { ...message, content: content.slice(this.said.length) };
  }

  private readUnknown(choice: JsonObject, delta: JsonObject, out: StreamEvent[]): void {
    const changed = this.unknown.take(choice, knownInChoice);
    const changedInDelta = this.unknownInDelta.take(delta, knownInDelta);
    if (changed === undefined && changedInDelta === undefined) return;
    const own: JsonObject = { ...changed };
    if (changedInDelta !== undefined) own.message = { ...this.unknownInDelta.all };
    out.push({ type: 'choice-residue', choice: this.index, residue: { [CHAT]: own } });
  }

  private readDelta(delta: JsonObject): void {
    this.reasoning.read(delta, () => this.closeText());
    this.readContent(delta.content);
    this.readAnnotations(delta.annotations);
    if (typeof delta.refusal === 'string' && delta.refusal !== '') this.addRefusal(delta.refusal);
    if (isObject(delta.audio)) this.addAudio(delta.audio);
    if (Array.isArray(delta.images)) this.addImages(delta.images);
    if (Array.isArray(delta.tool_calls)) {
      for (const call of delta.tool_calls) if (isObject(call)) this.calls.read(call, () => this.closeRuns());
    }
    if (isObject(delta.function_call)) this.calls.readLegacy(delta.function_call, () => this.closeRuns());
  }

  private readContent(content: Json | undefined): void {
    if (typeof content === 'string') {
      if (content !== '') this.addText(content);
    } else if (Array.isArray(content)) for (const element of content) this.addElement(element);
    else if (isObject(content)) this.addText(stringifyJson(content));
  }

  /** An element of a list of parts, as Mistral streams them. */
  private addElement(element: Json): void {
    const part = readContentPart(element, new Fields({}, 'delta', 'upstream_garbled'), 'delta.content');
    if (part.type === 'text') this.addText(part.text);
    else if (part.type === 'reasoning') this.reasoning.readInContent(part, () => this.closeText());
    else {
      this.closeRuns();
      this.sink.whole(part);
    }
  }

  private addText(text: string): void {
    this.said += text;
    if (this.text !== undefined) {
      this.sink.delta(this.text, { type: 'text', text });
      return;
    }
    this.closeRuns();
    this.text = this.sink.start({ type: 'text', text });
  }

  private readAnnotations(annotations: Json | undefined): void {
    if (!Array.isArray(annotations)) return;
    for (const annotation of annotations) {
      if (!isObject(annotation)) continue;
      if (this.text === undefined) {
        this.closeRuns();
        this.text = this.sink.start({ type: 'text', text: '' });
      }
      this.sink.delta(this.text, { type: 'citation', citation: readCitation(annotation) });
    }
  }

  private addRefusal(text: string): void {
    if (this.refusal !== undefined) {
      this.sink.delta(this.refusal, { type: 'text', text });
      return;
    }
    this.closeRuns();
    this.refusal = this.sink.start({ type: 'refusal', text });
  }

  private addAudio(audio: JsonObject): void {
    if (this.audio === undefined) {
      const { id, data, transcript, ...rest } = { ...this.audioHead, ...audio };
      if (!id && !data && !transcript) return;
      const head: JsonObject = { ...rest };
      if (id !== undefined) head.id = id;
      if (data === undefined && transcript === undefined) {
        this.audioHead = head;
        return;
      }
      head.data = asString(data) ?? '';
      if (transcript !== undefined) head.transcript = transcript;
      this.startAudio(head);
      return;
    }
    const { data, transcript, id: _known, ...rest } = audio;
    const delta: { type: 'media'; data?: string; transcript?: string; residue?: { [CHAT]: JsonObject } } = {
      type: 'media',
    };
    if (typeof data === 'string') delta.data = data;
    if (typeof transcript === 'string') delta.transcript = transcript;
    if (Object.keys(rest).length > 0) delta.residue = { [CHAT]: rest };
    this.sink.delta(this.audio, delta);
  }

  private startAudio(audio: JsonObject): void {
    this.audioHead = undefined;
    const part: MediaPart | undefined = readProducedAudio(audio, 'delta.audio');
    if (part === undefined) return;
    this.closeRuns();
    this.audio = this.sink.start(part);
  }

  private addImages(images: readonly Json[]): void {
    for (const image of images) {
      const part = isObject(image) ? readProducedImage(image, 'delta.images') : undefined;
      if (part === undefined) continue;
      this.closeRuns();
      this.sink.whole(part);
    }
  }

  private closeText(): void {
    if (this.text !== undefined) this.sink.end(this.text);
    if (this.refusal !== undefined) this.sink.end(this.refusal);
    this.text = undefined;
    this.refusal = undefined;
  }

  private closeRuns(): void {
    this.reasoning.close();
    this.closeText();
  }
}
