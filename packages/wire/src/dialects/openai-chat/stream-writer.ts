import { type Loss, loseResidue } from '../../canon/loss.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { mergeUsage, type Usage } from '../../canon/usage.ts';
import type { StreamWriter, WriteResponseOptions } from '../../dialect.ts';
import { stringifyJson } from '../../json/stringify.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import type { WriteContext } from './context.ts';
import { writeStreamFault } from './fault.ts';
import { CHAT } from './fields.ts';
import { writeFinish } from './finish.ts';
import { clientContext, writeLogprobs } from './response.ts';
import { WrittenChoice } from './stream-writer-choice.ts';
import { writeUsage } from './usage.ts';

type EventOf<T extends StreamEvent['type']> = Extract<StreamEvent, { type: T }>;

/**
 * Writes `chat.completion.chunk` events for a client. Nothing is said before there is something to say, so that an
 * upstream that fails at once can still be replaced by another.
 *
 * Usage comes in one last chunk, and only where the client asked for it; `[DONE]` only after a proper end.
 */
export class ChatStreamWriter implements StreamWriter {
  private readonly context: WriteContext;
  private readonly choices = new Map<number, WrittenChoice>();
  private head = '';
  /** Top-level fields to go out with the next chunk. */
  private extra: JsonObject = {};
  private usage: Usage | undefined;

  constructor(private readonly options: WriteResponseOptions) {
    this.context = clientContext(options);
  }

  get losses(): Loss[] {
    return this.context.losses;
  }

  write(event: StreamEvent): string {
    switch (event.type) {
      case 'response-start':
        return this.start(event);
      case 'part-start':
        return this.deltas(event.choice, this.choice(event.choice).start(event.part, event.value));
      case 'part-delta':
        return this.deltas(event.choice, this.choice(event.choice).add(event.part, event.delta));
      case 'logprobs':
        return this.chunk(event.choice, {}, { logprobs: writeLogprobs(event.value) });
      case 'choice-residue':
        return this.residueOf(event);
      case 'response-residue':
        return this.topResidue(event);
      case 'choice-end':
        return this.finish(event);
      case 'usage':
        this.usage = mergeUsage(this.usage, event.usage);
        return '';
      case 'opaque':
        return this.opaque(event);
      case 'fault':
        return writeStreamFault(event.fault);
      case 'response-end':
        return this.end();
      case 'part-end':
        return this.deltas(event.choice, this.choice(event.choice).end(event.part));
      case 'ping':
        return '';
      default:
        return event satisfies never;
    }
  }

  private start(event: EventOf<'response-start'>): string {
    loseResidue(this.losses, '', event.residue, CHAT);
    const head: JsonObject = {
      id: event.id || this.options.fallbackId,
      object: 'chat.completion.chunk',
      created: event.createdSec ?? this.options.nowSec,
      model: this.options.model ?? event.model,
    };
    this.head = `data: ${JSON.stringify(head).slice(0, -1)}`;
    this.extra = fieldsOf(event.residue?.[CHAT]);
    if (event.serviceTier !== undefined) this.extra.service_tier = event.serviceTier;
    return '';
  }

  private topResidue(event: EventOf<'response-residue'>): string {
    loseResidue(this.losses, '', event.residue, CHAT);
    Object.assign(this.extra, fieldsOf(event.residue[CHAT]));
    if (event.serviceTier !== undefined) this.extra.service_tier = event.serviceTier;
    return '';
  }

  private residueOf(event: EventOf<'choice-residue'>): string {
    loseResidue(this.losses, `choices[${event.choice}]`, event.residue, CHAT);
    const { message, delta, ...fields } = fieldsOf(event.residue[CHAT]);
    if (delta !== undefined) {
      const path = `choices[${event.choice}].residue.${CHAT}.delta`;
      this.losses.push({ path, kind: 'dropped', reason: 'a chunk has a delta of its own' });
    }
    return this.chunk(event.choice, isObject(message) ? message : {}, fields);
  }

  private deltas(choice: number, deltas: readonly JsonObject[]): string {
    let text = '';
    for (const delta of deltas) text += this.chunk(choice, delta);
    return text;
  }

  private finish(event: EventOf<'choice-end'>): string {
    const path = `${this.choice(event.choice).path}.finish`;
    return this.chunk(event.choice, {}, {}, writeFinish(event.finish, path, this.context));
  }

  private opaque(event: EventOf<'opaque'>): string {
    if (event.dialect === CHAT) return `data: ${stringifyJson(event.value)}\n\n`;
    const name = event.event ?? 'unnamed';
    this.losses.push({ path: `events.${name}`, kind: 'dropped', reason: `an event only ${event.dialect} knows` });
    return '';
  }

  private end(): string {
    const usage = this.options.streamUsage === true && this.usage !== undefined ? writeUsage(this.usage) : undefined;
    const extra = this.takeExtra();
    const last = usage === undefined ? '' : `,"usage":${stringifyJson(usage)}`;
    const text = last === '' && extra === '' ? '' : `${this.head}${extra},"choices":[]${last}}\n\n`;
    return `${text}data: [DONE]\n\n`;
  }

  /** One chunk; before the first of a choice, one that names the role. */
  private chunk(index: number, delta: JsonObject = {}, fields: JsonObject = {}, finish: string | null = null): string {
    const choice = this.choice(index);
    let text = '';
    if (!choice.hasRole) {
      choice.hasRole = true;
      text = this.line(index, '{"role":"assistant","content":""}', '', null);
    }
    const names = Object.keys(fields);
    const more = names.length === 0 ? '' : `,${stringifyJson(fields).slice(1, -1)}`;
    return text + this.line(index, stringifyJson(delta), more, finish);
  }

  private line(index: number, delta: string, more: string, finish: string | null): string {
    const choice = `{"index":${index},"delta":${delta}${more},"finish_reason":${JSON.stringify(finish)}}`;
    return `${this.head}${this.takeExtra()},"choices":[${choice}]}\n\n`;
  }

  private takeExtra(): string {
    if (Object.keys(this.extra).length === 0) return '';
    const text = `,${stringifyJson(this.extra).slice(1, -1)}`;
    this.extra = {};
    return text;
  }

  private choice(index: number): WrittenChoice {
    let choice = this.choices.get(index);
    if (choice === undefined) {
      choice = new WrittenChoice(index, this.context);
      this.choices.set(index, choice);
    }
    return choice;
  }
}

/** Residue without the notes on form. */
function fieldsOf(own: JsonObject | undefined): JsonObject {
  const fields: JsonObject = {};
  for (const name in own) if (!name.startsWith('~')) fields[name] = own[name];
  return fields;
}
