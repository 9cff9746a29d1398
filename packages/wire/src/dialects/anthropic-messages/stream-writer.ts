import { type Loss, loseResidue } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { Residue } from '../../canon/residue.ts';
import { mergeResidue } from '../../canon/residue.ts';
import type { Finish } from '../../canon/response.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { mergeUsage, type Usage } from '../../canon/usage.ts';
import type { StreamWriter, WriteResponseOptions } from '../../dialect.ts';
import type { Fault } from '../../fault.ts';
import { encodeSse } from '../../framing/sse.ts';
import { stringifyJson } from '../../json/stringify.ts';
import type { JsonObject } from '../../json/value.ts';
import { BlockWriter } from './block-writer.ts';
import { writeContext } from './blocks.ts';
import { writeStreamFault } from './fault.ts';
import { ANTHROPIC, ownFields } from './fields.ts';
import { type AnswerContent, writeFinish } from './finish.ts';
import { CHOICE_ADDED, headFields, loseHead } from './response.ts';
import { writeUsage } from './usage.ts';

/** Response fields that a stream shows inside `message_delta.delta`; all others stand beside it. */
const DELTA_FIELDS: ReadonlySet<string> = new Set(['container']);

/** Writes a stream of messages. @see https://docs.claude.com/en/docs/build-with-claude/streaming */
export function streamWriter(options: WriteResponseOptions): StreamWriter {
  return new AnthropicStreamWriter(options);
}

type Start = Extract<StreamEvent, { type: 'response-start' }>;

class AnthropicStreamWriter implements StreamWriter {
  readonly losses: Loss[] = [];
  private readonly blocks: BlockWriter;
  private readonly content: AnswerContent = { hasClientCalls: false, hasRefusal: false };
  private readonly lostChoices = new Set<number>();
  /** A start not shown yet: usage that comes right after it still belongs into it. */
  private start: Start | undefined;
  private shown = false;
  private closed = false;
  /** Did anything speak of the one choice there is here? */
  private answered = false;
  private usage: Usage | undefined;
  private finish: Finish | undefined;
  /** Residue of the response that came after its start. */
  private late: Residue | undefined;
  private text = '';

  constructor(private readonly options: WriteResponseOptions) {
    this.blocks = new BlockWriter(writeContext('response', this.losses), (event) => this.send(event));
  }

  write(event: StreamEvent): string {
    if (this.closed) return '';
    this.text = '';
    this.add(event);
    return this.text;
  }

  private add(event: StreamEvent): void {
    if ('choice' in event && event.choice === 0) this.answered = true;
    if ('choice' in event && event.choice !== 0) this.loseChoice(event.choice);
    else if (event.type === 'response-start') this.start = event;
    else if (event.type === 'fault') this.fail(event.fault);
    else if (event.type === 'usage') this.addUsage(event.usage);
    else {
      this.showStart();
      this.addShown(event);
    }
  }

  private addUsage(usage: Usage): void {
    this.usage = mergeUsage(this.usage, usage);
    if (this.start !== undefined) this.showStart();
  }

  private addShown(event: Exclude<StreamEvent, { type: 'response-start' | 'usage' | 'fault' }>): void {
    switch (event.type) {
      case 'part-start':
        this.startPart(event.part, event.value);
        return;
      case 'part-delta':
        this.blocks.delta(event.part, event.delta);
        return;
      case 'part-end':
        this.blocks.end(event.part);
        return;
      case 'choice-end':
        this.finish = event.finish;
        return;
      case 'logprobs':
        this.loseOnce('choices[0].logprobs', 'there are none here');
        return;
      case 'choice-residue':
        this.addLate('choices[0]', event.residue);
        return;
      case 'response-residue':
        if (event.serviceTier !== undefined) this.loseOnce('serviceTier', 'the tiers of this dialect are others');
        this.addLate('', event.residue);
        return;
      case 'ping':
        this.send({ type: 'ping' });
        return;
      case 'opaque':
        this.passOn(event);
        return;
      case 'response-end':
        this.end();
        return;
      default:
        event satisfies never;
    }
  }

  private startPart(part: number, value: Part): void {
    if (value.type === 'tool-call' && value.ranBy === 'client') this.content.hasClientCalls = true;
    if (value.type === 'refusal') this.content.hasRefusal = true;
    this.blocks.start(part, value);
  }

  private addLate(path: string, residue: Residue): void {
    loseResidue(this.losses, path, residue, ANTHROPIC);
    this.late = mergeResidue(this.late, residue);
  }

  private passOn(event: Extract<StreamEvent, { type: 'opaque' }>): void {
    if (event.dialect !== ANTHROPIC) this.loseOnce('events', `an event only ${event.dialect} knows`);
    else this.text += encodeSse({ ...(event.event && { event: event.event }), data: stringifyJson(event.value) });
  }

  private showStart(): void {
    if (this.shown) return;
    this.shown = true;
    const head: Omit<Start, 'type'> = this.start ?? { id: '', model: '' };
    loseHead(head, this.losses);
    const noReport: Loss[] = []; // What usage lacks is reported at the end, when all of it is known.
    const message: JsonObject = {
      ...headFields(head, this.options),
      content: [],
      stop_reason: null,
      stop_sequence: null,
      stop_details: null,
      usage: this.usage?.raw?.dialect === ANTHROPIC ? this.usage.raw.value : writeUsage(this.usage, noReport),
      ...ownFields(head.residue),
    };
    this.send({ type: 'message_start', message });
  }

  private end(): void {
    this.blocks.endAll();
    if (!this.answered) this.losses.push(CHOICE_ADDED);
    const beside: JsonObject = {};
    const delta: JsonObject = writeFinish(this.finish, this.content, this.losses, 'choices[0].finish');
    const late = ownFields(this.late);
    for (const name in late) (DELTA_FIELDS.has(name) ? delta : beside)[name] = late[name];
    this.send({ type: 'message_delta', delta, usage: writeUsage(this.usage, this.losses), ...beside });
    this.send({ type: 'message_stop' });
    this.closed = true;
  }

  private fail(fault: Fault): void {
    if (this.shown) writeUsage(this.usage, this.losses); // What the start had to make up is reported after all.
    this.text += writeStreamFault(fault);
    this.closed = true;
  }

  private loseChoice(choice: number): void {
    if (this.lostChoices.has(choice)) return;
    this.lostChoices.add(choice);
    this.losses.push({ path: `choices[${choice}]`, kind: 'dropped', reason: 'an answer is one message here' });
  }

  private loseOnce(path: string, reason: string): void {
    if (!this.losses.some((loss) => loss.path === path)) this.losses.push({ path, kind: 'dropped', reason });
  }

  private send(event: JsonObject & { type: string }): void {
    this.text += encodeSse({ event: event.type, data: stringifyJson(event) });
  }
}
