import fc, { type Arbitrary } from 'fast-check';
import { arbitraryResponse } from './arbitrary.test-support.ts';
import type { ArbitraryOptions } from './arbitrary-part.test-support.ts';
import type { CanonResponse, Choice } from './response.ts';
import type { PartDelta, StreamEvent } from './stream.ts';
import { unfoldPart } from './unfold.ts';

/**
 * A response together with a stream that it is the fold of: parts of all choices interleave, text and arguments are
 * cut anywhere, residue comes late, pings come between.
 */
export function arbitraryStream(
  options: ArbitraryOptions = {},
): Arbitrary<{ response: CanonResponse; events: StreamEvent[] }> {
  return fc
    .tuple(arbitraryResponse(options), fc.infiniteStream(fc.nat(1000)))
    .map(([response, dice]) => ({ response, events: streamOf(response, dice) }));
}

function streamOf(response: CanonResponse, dice: Iterator<number>): StreamEvent[] {
  const roll = (sides: number) => ((dice.next().value as number) ?? 0) % sides;
  const { choices, usage, residue, ...head } = response;
  // Each lane keeps its order; lanes of one choice start in the order of their parts.
  const lanes: StreamEvent[][] = [];
  for (const choice of choices) lanes.push(...lanesOf(choice, roll));
  if (residue) lanes.push([{ type: 'response-residue', residue }]);
  if (usage) lanes.push([{ type: 'usage', usage }]);
  lanes.push([{ type: 'ping' }]);
  return [{ type: 'response-start', ...head }, ...interleave(lanes, roll), { type: 'response-end' }];
}

function lanesOf(choice: Choice, roll: (sides: number) => number): StreamEvent[][] {
  const at = { choice: choice.index };
  const lanes: StreamEvent[][] = choice.parts.map((whole, part) => {
    const { value, deltas } = unfoldPart(whole);
    return [
      { type: 'part-start', ...at, part, value },
      ...deltas
        .flatMap((delta) => cut(delta, roll))
        .map((delta): StreamEvent => ({ type: 'part-delta', ...at, part, delta })),
      { type: 'part-end', ...at, part },
    ];
  });
  if (choice.logprobs) lanes.push([{ type: 'logprobs', ...at, value: choice.logprobs }]);
  lanes.push([{ type: 'choice-residue', ...at, residue: choice.residue ?? {} }]);
  if (choice.finish) lanes.push([{ type: 'choice-end', ...at, finish: choice.finish }]);
  return lanes;
}

function cut(delta: PartDelta, roll: (sides: number) => number): PartDelta[] {
  if (delta.type === 'text') {
    const at = roll(delta.text.length + 1);
    return [
      { ...delta, text: delta.text.slice(0, at) },
      { ...delta, text: delta.text.slice(at) },
    ];
  }
  if (delta.type === 'arguments') {
    const at = roll(delta.argumentsJson.length + 1);
    const cutAt = (from: number, to?: number) => ({ ...delta, argumentsJson: delta.argumentsJson.slice(from, to) });
    return [cutAt(0, at), cutAt(at)];
  }
  return [delta];
}

/** Merges lanes at random, but a part starts only when the one before it in its choice has. */
function interleave(lanes: StreamEvent[][], roll: (sides: number) => number): StreamEvent[] {
  const merged: StreamEvent[] = [];
  const started = new Map<number, number>();
  const isDue = (event: StreamEvent | undefined) =>
    event !== undefined && (event.type !== 'part-start' || event.part === (started.get(event.choice) ?? 0));
  for (;;) {
    const due = lanes.filter((lane) => isDue(lane[0]));
    const event = due[roll(Math.max(due.length, 1))]?.shift();
    if (event === undefined) return merged;
    if (event.type === 'part-start') started.set(event.choice, event.part + 1);
    merged.push(event);
  }
}
