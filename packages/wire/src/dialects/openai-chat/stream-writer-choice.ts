import { loseResidue } from '../../canon/loss.ts';
import type { Citation, MediaPart, Part, ReasoningPart, ToolCallPart } from '../../canon/part.ts';
import type { Seal } from '../../canon/seal.ts';
import type { PartDelta } from '../../canon/stream.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { writeCitation } from './citations.ts';
import { change, drop, type WriteContext } from './context.ts';
import { CHAT, noteOf } from './fields.ts';
import { isLegacyCall, reportLegacyCall } from './legacy-functions.ts';
import { standsInContent, writeThinking } from './parts/thinking.ts';
import { placeOf, writeProducedAudio, writeProducedImage } from './produced-media.ts';
import { conventionsFor, isOwn, reportSeal } from './reasoning.ts';
import { headOf, writeDetails } from './reasoning-details.ts';
import { writeToolCall } from './tool-calls.ts';

/** What a running part needs to be continued. */
interface Running {
  part: Part;
  path: string;
  /** Of a tool call: its place in `tool_calls`. Of reasoning: its number among the reasoning parts. */
  index: number;
  /** Length of the choice's text before this part, in UTF-16 units. */
  offset: number;
  length: number;
  /** Citations that wait for the part's end. */
  citations: Citation[];
  /** Unknown fields of it wait to go out with its next entry. */
  isNews: boolean;
  /** Nothing of it is written (a loss was reported). */
  isMute: boolean;
}

/** Turns the parts of one choice into deltas: the `delta` objects of its chunks. */
export class WrittenChoice {
  hasRole = false;
  private readonly running = new Map<number, Running>();
  private calls = 0;
  private reasoning = 0;
  private textLength = 0;
  private last: Part['type'] | undefined;

  constructor(
    private readonly index: number,
    private readonly context: WriteContext,
  ) {}

  get path(): string {
    return `choices[${this.index}]`;
  }

  /** The deltas a new part begins with. */
  start(at: number, part: Part): JsonObject[] {
    const path = `${this.path}.parts[${at}]`;
    const running: Running = {
      part,
      path,
      index: 0,
      offset: this.textLength,
      length: 0,
      isNews: true,
      citations: [],
      isMute: false,
    };
    this.running.set(at, running);
    loseResidue(this.context.losses, path, part.residue, CHAT);
    if (part.type === 'text' && this.last === 'text') {
      change(this.context, path, 'the texts of a response are joined to one');
    }
    this.last = part.type;
    if (part.type === 'text') {
      for (const name of Object.keys(unknownOf(part))) {
        drop(this.context, `${path}.residue.${CHAT}.${name}`, 'streamed text has no fields of its own');
      }
    }
    return this.begin(running, part);
  }

  /** The deltas a part ends with: citations of the whole of it, whose end is known only now. */
  end(at: number): JsonObject[] {
    const running = this.running.get(at);
    if (running === undefined || running.isMute) return [];
    this.running.delete(at);
    const { part } = running;
    if (part.type === 'reasoning' && running.isNews && Object.keys(unknownOf(part)).length > 0) {
      const { list } = conventionsFor(part, this.context);
      if (list === 'reasoning_details') return [{ reasoning_details: [this.entry(running, part, '')] }];
    }
    return running.citations.flatMap((citation, place) => this.cite(running, citation, place));
  }

  /** The deltas that continue a part. */
  add(at: number, delta: PartDelta): JsonObject[] {
    const running = this.running.get(at);
    return running === undefined || running.isMute ? [] : this.continue(running, delta);
  }

  private begin(running: Running, part: Part): JsonObject[] {
    switch (part.type) {
      case 'text':
        return [
          ...this.text(running, part.text),
          ...(part.citations ?? []).flatMap((citation) => this.continue(running, { type: 'citation', citation })),
        ];
      case 'reasoning':
        running.index = this.reasoning++;
        return this.beginReasoning(running, part);
      case 'refusal':
        return part.text === '' ? [] : [{ refusal: part.text }];
      case 'media':
        return this.media(running, part);
      case 'tool-call':
        return this.call(running, part);
      case 'tool-result':
        return this.mute(running, 'the result of a tool the provider ran has no place in a response');
      case 'opaque':
        return this.opaque(running, part.dialect, part.value);
      default:
        return part satisfies never;
    }
  }

  private continue(running: Running, delta: PartDelta): JsonObject[] {
    const { part } = running;
    switch (delta.type) {
      case 'text':
        if (part.type === 'refusal') return [{ refusal: delta.text }];
        return part.type === 'reasoning' ? this.thought(running, part, delta.text) : this.text(running, delta.text);
      case 'arguments':
        return [this.argumentsOf(running, delta.argumentsJson)];
      case 'seal':
        return part.type === 'reasoning' ? this.sealed(running, part, delta.seal) : [];
      case 'citation':
        if (delta.citation.raw.dialect === CHAT) return [{ annotations: [delta.citation.raw.value] }];
        running.citations.push(delta.citation);
        return [];
      case 'media': {
        const audio: JsonObject = { ...delta.residue?.[CHAT], data: delta.data, transcript: delta.transcript };
        return [{ audio }];
      }
      case 'parts':
        return [];
      case 'residue':
        return this.learn(running, delta.residue);
      default:
        return delta satisfies never;
    }
  }

  private cite(running: Running, citation: Citation, place: number): JsonObject[] {
    const bounds = { offset: running.offset, length: running.length };
    const annotation = writeCitation(citation, `${running.path}.citations[${place}]`, bounds, this.context);
    return annotation === undefined ? [] : [{ annotations: [annotation] }];
  }

  private text(running: Running, text: string): JsonObject[] {
    running.length += text.length;
    this.textLength += text.length;
    return text === '' ? [] : [{ content: text }];
  }

  private beginReasoning(running: Running, part: ReasoningPart): JsonObject[] {
    const { seal, ...rest } = part;
    const written = part.text === '' ? [] : this.thought(running, rest, part.text);
    return seal === undefined ? written : [...written, ...this.sealed(running, rest, seal)];
  }

  private thought(running: Running, part: ReasoningPart, text: string): JsonObject[] {
    running.length += text.length;
    if (standsInContent(part.residue?.[CHAT])) {
      return [{ content: writeThinking({ part: { ...part, text }, path: running.path }, this.context) }];
    }
    const { plain, list } = conventionsFor(part, this.context);
    const delta: JsonObject = {};
    for (const name of plain) delta[name] = text;
    const isEntry = isOwn(part) ? list !== undefined : true;
    if (isEntry && list === 'thinking_blocks') delta.thinking_blocks = [{ type: 'thinking', thinking: text }];
    else if (isEntry) delta.reasoning_details = [this.entry(running, part, text)];
    return [delta];
  }

  private entry(running: Running, part: ReasoningPart, text: string): JsonObject {
    const head = headOf(part, running.index);
    const unknown = running.isNews ? unknownOf(running.part) : {};
    running.isNews = false;
    return { ...unknown, ...head, [head.type === 'reasoning.summary' ? 'summary' : 'text']: text };
  }

  private sealed(running: Running, part: ReasoningPart, seal: Seal): JsonObject[] {
    const isEncrypted = seal.kind === 'encrypted';
    reportSeal(seal, running.length > 0, running.path, this.context);
    running.isNews = false;
    if (standsInContent(part.residue?.[CHAT])) {
      return [{ content: [{ type: 'thinking', thinking: [], signature: seal.value }] }];
    }
    if (noteOf(part.residue, '~block') !== undefined) {
      const block = isEncrypted
        ? { type: 'redacted_thinking', data: seal.value }
        : { type: 'thinking', thinking: '', signature: seal.value };
      return [{ thinking_blocks: [block] }];
    }
    const entries = writeDetails({ ...withoutEntries(part), text: '', seal }, running.index);
    return [{ reasoning_details: entries.map((entry) => (isEncrypted ? entry : withoutEmptyText(entry))) }];
  }

  private call(running: Running, part: ToolCallPart): JsonObject[] {
    if (part.ranBy === 'provider') {
      return this.mute(running, 'a call of a tool the provider ran would be taken for a call to the client');
    }
    running.index = this.calls++;
    if (isLegacyCall(part, this.context)) {
      running.isMute = !reportLegacyCall({ part, path: running.path }, running.index === 0, this.context);
      if (running.isMute) return [];
      return [{ function_call: { ...unknownOf(part), name: part.name, arguments: part.argumentsJson } }];
    }
    const { index: _index, ...call } = writeToolCall({ part, path: running.path }, { ...this.context, losses: [] });
    return [{ tool_calls: [{ index: running.index, ...call }] }];
  }

  private argumentsOf({ part, index }: Running, text: string): JsonObject {
    if (part.type === 'tool-call' && isLegacyCall(part, this.context)) return { function_call: { arguments: text } };
    const isCustom = part.type === 'tool-call' && part.input === 'custom';
    return { tool_calls: [{ index, ...(isCustom ? { custom: { input: text } } : { function: { arguments: text } }) }] };
  }

  private media(running: Running, part: MediaPart): JsonObject[] {
    const place = placeOf(part, this.context);
    if (place === 'audio') {
      const audio = writeProducedAudio(part);
      return audio === undefined ? this.mute(running, 'audio has to be given as bytes') : [{ audio }];
    }
    const image =
      place === 'images' || part.kind === 'image' ? writeProducedImage(part, this.context, running.path) : undefined;
    if (image === undefined) return this.mute(running, `a response in ${CHAT} has no place for ${part.kind}`);
    return [place === 'content' ? { content: [image] } : { images: [image] }];
  }

  private opaque(running: Running, dialect: string, value: JsonObject): JsonObject[] {
    if (dialect !== CHAT) return this.mute(running, `a block of ${dialect} has no counterpart in ${CHAT}`);
    const list = noteOf(running.part.residue, '~in');
    return [{ [typeof list === 'string' ? list : 'content']: [value] }];
  }

  /** Residue learnt late: notes hold for what comes, fields of a call are sent on. */
  private learn(running: Running, residue: Part['residue']): JsonObject[] {
    const own = residue?.[CHAT];
    loseResidue(this.context.losses, running.path, residue, CHAT);
    if (own === undefined) return [];
    running.part = {
      ...running.part,
      residue: { ...running.part.residue, [CHAT]: { ...running.part.residue?.[CHAT], ...own } },
    };
    running.isNews = true;
    if (running.part.type !== 'tool-call') return [];
    const fields = Object.fromEntries(Object.entries(own).filter(([name]) => !name.startsWith('~')));
    if (Object.keys(fields).length === 0) return [];
    return [{ tool_calls: [{ ...fields, index: running.index }] }];
  }

  private mute(running: Running, reason: string): JsonObject[] {
    running.isMute = true;
    drop(this.context, running.path, reason);
    return [];
  }
}

function withoutEntries(part: ReasoningPart): ReasoningPart {
  const { '~entries': _entries, '~said': _said, ...own } = part.residue?.[CHAT] ?? {};
  return { ...part, residue: { ...part.residue, [CHAT]: own } };
}

function withoutEmptyText(entry: JsonObject): JsonObject {
  const { text, ...rest } = entry;
  return text === '' ? rest : entry;
}

function unknownOf(part: Part): JsonObject {
  const own = part.residue?.[CHAT];
  if (!isObject(own)) return {};
  return Object.fromEntries(Object.entries(own).filter(([name]) => !name.startsWith('~')));
}
