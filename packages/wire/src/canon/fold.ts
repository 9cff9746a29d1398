import { Fault } from '../fault.ts';
import type { Json } from '../json/value.ts';
import { addDelta } from './fold-part.ts';
import type { Part } from './part.ts';
import { mergeResidue } from './residue.ts';
import type { CanonResponse, Choice, Logprobs } from './response.ts';
import type { PartDelta, StreamEvent } from './stream.ts';
import { mergeUsage } from './usage.ts';

/** Folds a whole stream at once; see {@link Fold}. @throws Fault `upstream_garbled` when its order is wrong. */
export function fold(events: Iterable<StreamEvent>): CanonResponse {
  const folding = new Fold();
  for (const event of events) folding.add(event);
  return folding.result();
}

interface OpenChoice extends Choice {
  /** Numbers of the parts that have started and not ended. */
  open: Set<number>;
}

/**
 * Adds up the events of one stream to the response they make. Parts may interleave; the events themselves are left
 * unchanged. A cut stream gives what came of it.
 */
export class Fold {
  /** An error the provider sent inside the stream. */
  fault: Fault | undefined;
  /** True once the provider said it was done. */
  ended = false;
  /** Events of unknown kind: a whole response has no place for them. */
  readonly opaque: Extract<StreamEvent, { type: 'opaque' }>[] = [];
  private response: CanonResponse | undefined;
  private readonly choices = new Map<number, OpenChoice>();

  /** @throws Fault `upstream_garbled`, naming what was wrong, when the event may not come here. */
  add(event: StreamEvent): void {
    if (event.type === 'fault') {
      this.fault = event.fault;
      return;
    }
    if (event.type === 'ping') return;
    if (this.ended) throw garbled(`${event.type} came after the end of the response`);
    if (event.type === 'response-start') this.start(event);
    else if (this.response === undefined && event.type !== 'opaque')
      throw garbled(`${event.type} came before the start`);
    else this.addStarted(event);
  }

  /** The response so far, its choices in the order of their index. @throws Fault `upstream_garbled` before any start. */
  result(): CanonResponse {
    if (this.response === undefined) throw garbled('the stream never started');
    const choices = [...this.choices.values()].sort((a, b) => a.index - b.index);
    return {
      ...this.response,
      choices: choices.map(({ open, ...choice }) => ({ ...choice, parts: [...choice.parts] })),
    };
  }

  private start(event: Extract<StreamEvent, { type: 'response-start' }>): void {
    if (this.response !== undefined) throw garbled('the response started twice');
    const { type, ...head } = event;
    this.response = { ...head, choices: [] };
  }

  private addStarted(event: Exclude<StreamEvent, { type: 'response-start' | 'fault' | 'ping' }>): void {
    switch (event.type) {
      case 'part-start':
        this.startPart(event.choice, event.part, event.value);
        return;
      case 'part-delta':
        this.addToPart(event.choice, event.part, event.delta);
        return;
      case 'part-end':
        this.openPart(event.choice, event.part, 'part-end').choice.open.delete(event.part);
        return;
      case 'logprobs': {
        const choice = this.choice(event.choice);
        choice.logprobs = joinLogprobs(choice.logprobs, event.value);
        return;
      }
      case 'choice-residue': {
        const choice = this.choice(event.choice);
        assignResidue(choice, event.residue);
        return;
      }
      case 'choice-end': {
        const choice = this.choice(event.choice);
        if (choice.finish !== undefined) throw garbled(`choice ${event.choice} ended twice`);
        choice.finish = event.finish;
        return;
      }
      default:
        this.addToResponse(event);
    }
  }

  private addToResponse(
    event: Extract<StreamEvent, { type: 'response-residue' | 'usage' | 'opaque' | 'response-end' }>,
  ): void {
    if (event.type === 'opaque') {
      this.opaque.push(event);
      return;
    }
    const response = this.response as CanonResponse;
    if (event.type === 'usage') response.usage = mergeUsage(response.usage, event.usage);
    else if (event.type === 'response-residue') {
      assignResidue(response, event.residue);
      if (event.serviceTier !== undefined) response.serviceTier = event.serviceTier;
    } else if (event.type === 'response-end') this.end();
    else event satisfies never;
  }

  private end(): void {
    for (const choice of this.choices.values()) {
      const [part] = choice.open;
      if (part !== undefined) throw garbled(`the response ended while part ${part} of choice ${choice.index} was open`);
    }
    this.ended = true;
  }

  private startPart(index: number, part: number, value: Part): void {
    const choice = this.choice(index);
    if (part !== choice.parts.length) {
      throw garbled(`part ${part} of choice ${index} started where part ${choice.parts.length} was due`);
    }
    choice.parts.push(value);
    choice.open.add(part);
  }

  private addToPart(index: number, part: number, delta: PartDelta): void {
    const { choice, value } = this.openPart(index, part, `part-delta (${delta.type})`);
    const added = addDelta(value, delta);
    if (added === undefined)
      throw garbled(`delta (${delta.type}) came for part ${part} of choice ${index}, which is ${value.type}`);
    choice.parts[part] = added;
  }

  private openPart(index: number, part: number, what: string): { choice: OpenChoice; value: Part } {
    const choice = this.choice(index);
    const value = choice.parts[part];
    if (value === undefined || !choice.open.has(part)) {
      throw garbled(`${what} came for part ${part} of choice ${index}, which is not open`);
    }
    return { choice, value };
  }

  private choice(index: number): OpenChoice {
    let choice = this.choices.get(index);
    if (choice === undefined) {
      choice = { index, parts: [], open: new Set() };
      this.choices.set(index, choice);
    }
    return choice;
  }
}

function assignResidue(node: Pick<Choice, 'residue'>, residue: Choice['residue']): void {
  const merged = mergeResidue(node.residue, residue);
  if (merged !== undefined) node.residue = merged;
}

/** Lists of tokens are joined; of other fields the later value holds. */
function joinLogprobs(earlier: Logprobs | undefined, later: Logprobs): Logprobs {
  if (earlier === undefined) return later;
  const joined: Logprobs = { ...earlier, ...later };
  const content = joinLists(earlier.content, later.content);
  const refusal = joinLists(earlier.refusal, later.refusal);
  if (content !== undefined) joined.content = content;
  if (refusal !== undefined) joined.refusal = refusal;
  if (earlier.rest && later.rest) joined.rest = { ...earlier.rest, ...later.rest };
  return joined;
}

function joinLists(earlier: Json[] | null | undefined, later: Json[] | null | undefined): Json[] | null | undefined {
  if (!earlier) return later ?? earlier;
  return later ? [...earlier, ...later] : earlier;
}

function garbled(what: string): Fault {
  return new Fault('upstream_garbled', { message: `The provider's stream makes no sense: ${what}.` });
}
