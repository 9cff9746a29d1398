import type { Part } from './part.ts';
import type { CanonResponse, Choice } from './response.ts';
import type { PartDelta, StreamEvent } from './stream.ts';

/** The stream a whole response could have come as: one part after the other. `fold` gives the response back. */
export function unfold(response: CanonResponse): StreamEvent[] {
  const { choices, usage, ...head } = response;
  const events: StreamEvent[] = [{ type: 'response-start', ...head }];
  for (const choice of choices) unfoldChoice(choice, events);
  if (usage !== undefined) events.push({ type: 'usage', usage });
  events.push({ type: 'response-end' });
  return events;
}

function unfoldChoice(choice: Choice, events: StreamEvent[]): void {
  const { index, parts, finish, logprobs, residue } = choice;
  for (const [part, whole] of parts.entries()) {
    const { value, deltas } = unfoldPart(whole);
    events.push({ type: 'part-start', choice: index, part, value });
    for (const delta of deltas) events.push({ type: 'part-delta', choice: index, part, delta });
    events.push({ type: 'part-end', choice: index, part });
  }
  if (logprobs !== undefined) events.push({ type: 'logprobs', choice: index, value: logprobs });
  const isUnmentioned = parts.length === 0 && logprobs === undefined && finish === undefined;
  if (residue !== undefined || isUnmentioned) {
    events.push({ type: 'choice-residue', choice: index, residue: residue ?? {} });
  }
  if (finish !== undefined) events.push({ type: 'choice-end', choice: index, finish });
}

/**
 * A part as it starts and what deltas add to it. Text, seals, citations and arguments come as deltas; media, tool
 * results and opaque parts are whole from the start.
 */
export function unfoldPart(part: Part): { value: Part; deltas: PartDelta[] } {
  const deltas: PartDelta[] = [];
  const addText = (text: string) => {
    if (text !== '') deltas.push({ type: 'text', text });
  };
  switch (part.type) {
    case 'text': {
      addText(part.text);
      for (const citation of part.citations ?? []) deltas.push({ type: 'citation', citation });
      return { value: { ...part, text: '', ...(part.citations && { citations: [] }) }, deltas };
    }
    case 'reasoning': {
      // Without text there is nothing to wait for: what is only sealed shows its seal from the start.
      if (part.text === '') return { value: part, deltas };
      const { seal, ...rest } = part;
      addText(part.text);
      if (seal !== undefined) deltas.push({ type: 'seal', seal });
      return { value: { ...rest, text: '' }, deltas };
    }
    case 'refusal':
      addText(part.text);
      return { value: { ...part, text: '' }, deltas };
    case 'tool-call':
      if (part.argumentsJson !== '') deltas.push({ type: 'arguments', argumentsJson: part.argumentsJson });
      return { value: { ...part, argumentsJson: '' }, deltas };
    case 'media':
    case 'tool-result':
    case 'opaque':
      return { value: part, deltas };
    default:
      return part satisfies never;
  }
}
