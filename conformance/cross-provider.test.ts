/** One request said in both dialects by others: translating one must give what the other says. */
import { test } from 'bun:test';
import type { CanonRequest } from '@turnpike/wire/canon/request.ts';
import { describeCorpus, groupRecordings, type Recording } from './corpus.ts';
import { describeDifferences, differences } from './laws/difference.ts';
import { Tally } from './tally.ts';
import { dialects, otherDialects } from './trip.ts';

describeCorpus('one request in several dialects', (corpus) => {
  const tally = new Tally('cross-provider requests');
  test('translation says what the other dialect says', () => {
    const groups = groupRecordings(corpus, ({ meta }) => meta.crossProviderCase);
    for (const [name, members] of groups) {
      for (const from of members) {
        for (const to of members.filter((one) => one.dialect !== from.dialect)) tryPair(name, from, to);
      }
      const spoken = new Set(members.map((member) => member.dialect));
      if (spoken.size < 2) tally.leaveOut(name, 'said in one of our dialects only');
    }
    tally.expectAllPassed();
  });

  function tryPair(name: string, from: Recording, to: Recording): void {
    const id = `${name}: ${from.id} → ${to.id}`;
    const source = requestOf(from);
    const expected = requestOf(to);
    if (source === undefined || expected === undefined) {
      tally.leaveOut(id, 'no request recorded');
      return;
    }
    if (hasAnswer(source) || hasAnswer(expected)) {
      tally.leaveOut(id, 'a later turn: each history holds the answer of its own model');
      return;
    }
    const [target] = otherDialects(dialects[from.dialect]).filter((one) => one.id === to.dialect);
    tally.run(id, () => {
      if (target === undefined) throw new Error('no such dialect');
      const { body } = target.writeRequest(source, { model: source.model, quirks: {} });
      const open = differences('', essence(expected), essence(target.readRequest(body)));
      if (open.length > 0) throw new Error(describeDifferences(open));
    });
  }
});

function requestOf(recording: Recording): CanonRequest | undefined {
  const body = recording.request;
  return body && dialects[recording.dialect].readRequest(body);
}

function hasAnswer(request: CanonRequest): boolean {
  return request.messages.some((message) => message.role === 'assistant');
}

/** What the request asks for, without what each author set otherwise (model, bounds, streaming). */
function essence(request: CanonRequest): unknown {
  const parts = request.messages.flatMap((message) => message.parts);
  return {
    texts: parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])),
    media: parts.flatMap((part) => (part.type === 'media' ? [part.kind] : [])), // Their authors sent bytes in one, an address in the other.
    results: parts.flatMap((part) => (part.type === 'tool-result' ? [part.content] : [])),
    tools: request.tools?.map((tool) =>
      tool.type === 'function' ? { name: tool.name, description: tool.description, parameters: tool.parameters } : {},
    ),
    toolChoice: request.toolChoice?.type,
  };
}
