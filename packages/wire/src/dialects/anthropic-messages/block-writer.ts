import { loseResidue } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { PartDelta } from '../../canon/stream.ts';
import type { JsonObject } from '../../json/value.ts';
import { ANTHROPIC, formNote, ownFields } from './fields.ts';
import type { PartCodec, WriteContext } from './parts/codec.ts';
import { writerOf } from './parts/table.ts';

/** What is to be said about one part, in order. */
type Step = { type: 'delta'; delta: PartDelta } | { type: 'end' };

interface StreamedPart {
  value: Part;
  codec: PartCodec;
  path: string;
  /** `waiting`: another block is open. `held`: shown with its first content. `lost`: cannot be said here. */
  state: 'waiting' | 'held' | 'open' | 'lost' | 'closed';
  steps: Step[];
}

/**
 * Writes parts as blocks, one open at a time and numbered from 0, as clients of this dialect expect. A part that
 * starts while another block is open waits until that block has ended; parts of a provider may interleave.
 *
 * A text shows itself with its first words, so that an answer without text has no empty block in it; every other
 * kind shows itself at once.
 */
export class BlockWriter {
  private readonly parts = new Map<number, StreamedPart>();
  /** Numbers of parts not closed yet, in order of their start. */
  private readonly order: number[] = [];
  private blocks = 0;

  constructor(
    private readonly context: WriteContext,
    private readonly send: (event: JsonObject & { type: string }) => void,
  ) {}

  start(part: number, value: Part): void {
    const path = `choices[0].parts[${part}]`;
    this.parts.set(part, { value, codec: writerOf(value), path, state: 'waiting', steps: [] });
    this.order.push(part);
    this.advance();
  }

  delta(part: number, delta: PartDelta): void {
    this.step(part, { type: 'delta', delta });
  }

  end(part: number): void {
    this.step(part, { type: 'end' });
  }

  /** Ends every part that has not ended. */
  endAll(): void {
    for (const part of [...this.order]) this.end(part);
  }

  private step(number: number, step: Step): void {
    const part = this.parts.get(number);
    if (part === undefined || part.state === 'closed') return;
    part.steps.push(step);
    this.advance();
  }

  /** Says all that may be said now. */
  private advance(): void {
    for (let again = true; again; ) {
      again = false;
      for (const number of this.order) {
        const part = this.parts.get(number);
        if (part === undefined || !this.mayTalk(part)) continue;
        this.say(part);
        if (part.state === 'closed') {
          this.order.splice(this.order.indexOf(number), 1);
          again = true;
          break;
        }
      }
    }
  }

  private mayTalk(part: StreamedPart): boolean {
    if (part.state === 'open' || part.state === 'lost') return true;
    for (const number of this.order) if (this.parts.get(number)?.state === 'open') return false;
    return true;
  }

  private say(part: StreamedPart): void {
    if (part.state === 'waiting') this.show(part);
    while (part.steps.length > 0 && part.state !== 'closed') {
      const step = part.steps.shift() as Step;
      if (step.type === 'end') this.close(part);
      else if (part.state !== 'lost') this.grow(part, step.delta);
    }
  }

  private show(part: StreamedPart): void {
    const { value } = part;
    if (isUnseen(value)) {
      part.state = 'held';
      return;
    }
    this.open(part);
  }

  private open(part: StreamedPart): void {
    const { codec, value, path } = part;
    if (!this.canSay(part)) {
      part.state = 'lost';
      return;
    }
    const whole = codec.open ? undefined : codec.write(value, this.context, path);
    const opened = codec.open?.(value, this.context, path) ?? (whole && { start: whole, deltas: [] });
    if (opened === undefined) {
      part.state = 'lost';
      return;
    }
    loseResidue(this.context.losses, path, value.residue, ANTHROPIC);
    part.state = 'open';
    this.send({ type: 'content_block_start', index: this.blocks, content_block: opened.start });
    for (const delta of opened.deltas) this.sendDelta(delta);
  }

  /** A call or an opaque part of elsewhere may have no word here; asked once, so that the loss is reported once. */
  private canSay(part: StreamedPart): boolean {
    const { value } = part;
    if (value.type === 'opaque' ? value.dialect === ANTHROPIC : value.type !== 'tool-call') return true;
    if (value.type === 'tool-call' && value.ranBy === 'client') return true;
    const empty = value.type === 'tool-call' ? { ...value, argumentsJson: '' } : value;
    return part.codec.write(empty, this.context, part.path) !== undefined;
  }

  private grow(part: StreamedPart, delta: PartDelta): void {
    if (part.state === 'held') {
      if (delta.type === 'text' && delta.text === '') return;
      const late = delta.type === 'residue' && !isNotable(delta);
      if (late) return;
      this.open(part);
    }
    const wire = part.codec.writeDelta?.(delta, part.value, this.context, part.path);
    if (wire !== undefined) this.sendDelta(wire);
    if (delta.type === 'residue') loseResidue(this.context.losses, part.path, delta.residue, ANTHROPIC);
  }

  private close(part: StreamedPart): void {
    if (part.state === 'open') {
      for (const delta of part.codec.close?.(part.value) ?? []) this.sendDelta(delta);
      this.send({ type: 'content_block_stop', index: this.blocks });
      this.blocks++;
    } else if (part.state === 'held') {
      this.context.losses.push({ path: part.path, kind: 'dropped', reason: 'anthropic-messages takes no empty text' });
    }
    part.state = 'closed';
  }

  private sendDelta(delta: JsonObject): void {
    this.send({ type: 'content_block_delta', index: this.blocks, delta });
  }
}

/** Has the text nothing to show yet? One that this dialect itself left empty is shown as that. */
function isUnseen(value: Part): boolean {
  if ((value.type !== 'text' && value.type !== 'refusal') || value.text !== '') return false;
  const isCited = value.type === 'text' && (value.citations?.length ?? 0) > 0;
  return !isCited && formNote(value.residue, 'blank') !== true;
}

/** Does a late residue say something of this dialect, if only that the text is meant to be empty? */
function isNotable(delta: PartDelta & { type: 'residue' }): boolean {
  return delta.residue[ANTHROPIC]?.['~blank'] === true || Object.keys(ownFields(delta.residue)).length > 0;
}
