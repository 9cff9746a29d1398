import { type Loss, loseResidue } from '../../canon/loss.ts';
import type { Residue } from '../../canon/residue.ts';
import { mergeResidue } from '../../canon/residue.ts';
import type { Finish } from '../../canon/response.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { mergeUsage, type Usage } from '../../canon/usage.ts';
import type { StreamWriter, WriteResponseOptions } from '../../dialect.ts';
import { encodeSse } from '../../framing/sse.ts';
import { stringifyJson } from '../../json/stringify.ts';
import type { JsonObject } from '../../json/value.ts';
import { BlockWriter } from './block-writer.ts';
import { writeContext } from './blocks.ts';
import { writeStreamFault } from './fault.ts';
import { ANTHROPIC, ownFields } from './fields.ts';
import { type AnswerContent, writeFinish } from './finish.ts';
import { headFields, loseHead } from './response.ts';
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
    if ('choice' in event && event.choice !== 0) return this.loseChoice(event.choice);
    switch (event.type) {
      case 'response-start':
        this.start = event;
        return;
      case 'usage':
        this.usage = mergeUsage(this.usage, event.usage);
        return this.start === undefined || this.shown ? undefined : this.showStart();
      case 'fault':
        return this.fail(event);
      default:
        this.showStart();
        return this.addShown(event);
    }
  }

  private addShown(event: Exclude<StreamEvent, { type: 'response-start' | 'usage' | 'fault' }>): void {
    switch (event.type) {
      case 'part-start':
        if (event.value.type === 'tool-call' && event.value.ranBy === 'client') this.content.hasClientCalls = true;
        if (event.value.type === 'refusal') this.content.hasRefusal = true;
        return this.blocks.start(event.part, event.value);
      case 'part-delta':
        return this.blocks.delta(event.part, event.delta);
      case 'part-end':
        return this.blocks.end(event.part);
      case 'choice-end':
        this.finish = event.finish;
        return;
      case 'logprobs':
        this.loseOnce('choices[0].logprobs', 'there are none here');
        return;
      case 'choice-residue':
        loseResidue(this.losses, 'choices[0]', event.residue, ANTHROPIC);
        this.late = mergeResidue(this.late, event.residue);
        return;
      case 'response-residue':
        if (event.serviceTier !== undefined) this.loseOnce('serviceTier', 'the tiers of this dialect are others');
        loseResidue(this.losses, '', event.residue, ANTHROPIC);
        this.late = mergeResidue(this.late, event.residue);
        return;
      case 'ping':
        return this.send({ type: 'ping' });
      case 'opaque':
        if (event.dialect !== ANTHROPIC) return this.loseOnce('events', `an event only ${event.dialect} knows`);
        this.text += encodeSse({ ...(event.event && { event: event.event }), data: stringifyJson(event.value) });
        return;
      case 'response-end':
        return this.end();
      default:
        event satisfies never;
    }
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
      usage: writeUsage(this.usage, noReport),
      ...ownFields(head.residue),
    };
    this.send({ type: 'message_start', message });
  }

  private end(): void {
    this.blocks.endAll();
    const beside: JsonObject = {};
    const delta: JsonObject = writeFinish(this.finish, this.content, this.losses, 'choices[0].finish');
    const late = ownFields(this.late);
    for (const name in late) (DELTA_FIELDS.has(name) ? delta : beside)[name] = late[name];
    this.send({ type: 'message_delta', delta, usage: writeUsage(this.usage, this.losses), ...beside });
    this.send({ type: 'message_stop' });
    this.closed = true;
  }

  private fail(event: Extract<StreamEvent, { type: 'fault' }>): void {
    this.text += writeStreamFault(event.fault);
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
