/**
 * What "no difference" means after a trip through another dialect. Everything not excused here, or by a `Loss`, is a
 * defect, so each rule says why the two sides mean the same to the model, the provider and the bill.
 *
 * Requests
 *  R1 Neighbouring messages of one role are one message. Both dialects show the model the joined turn; Anthropic
 *     joins them itself. What a message carries beside its parts (name, cache mark, residue) is compared still.
 *  R2 `system` and `developer` are one role: OpenAI's newer name for the same instructions.
 *  R3 A tool result belongs to its call, not to a role: one dialect has tool messages, the other puts results into the
 *     user's turn.
 *  R4 A mark on a message marks the end of its last part: that is where the cached prefix ends in both cases.
 *  R5 An empty text, or reasoning without a word or a seal, carries nothing unless it carries a mark or residue.
 *  R6 Arguments are equal when they are the same JSON; no arguments and `{}` are the same call. Text that is no JSON
 *     must be the same text.
 *  R7 Whether usage is wanted in the stream is a question only one dialect asks; the other always tells.
 *  R8 The response format `text` is what both dialects do without being told.
 *  R9 A bare text as a tool's result is a list of that one text.
 *  R10 One choice (`n: 1`) is what is given without asking.
 *  R11 Asking for an effort or a budget is asking to reason: `mode` then needs no word (`on` is meant). Effort and budget
 *     measure one thing in two units: the loss that says one was changed accounts for the other standing in its place.
 *  R12 A document has one label: one dialect calls it `filename`, the other `title`. Plain text is the same text whether it
 *     is given as such or as base64.
 *     No effort is no reasoning: `effort: none` and `mode: off` are one wish.
 *  R13 Provider tools and function tools are each compared in their order, so that one left out moves no other.
 *  R14 In a turn of the user the results of tools come first. Both APIs refuse any other order, so where they stood among
 *     the rest of that turn says nothing; their own order, and that of the rest, is compared.
 *
 * Responses
 *  A1 Texts of one choice that follow each other are one text: one dialect has a single string. Citations are compared
 *     by what they cite, at their place in the joined text; a citation without bounds spans the text it stands on.
 *  A2 Kinds of content are compared each in its own order; the order *among* kinds is compared by runs
 *     (`choices[0].parts`) and needs a loss when it changed.
 *  A3 The provider's own word for the finish, and the usage object as received, are that dialect's; what they mean
 *     (`unified`, each counted kind) is compared.
 *  A4 Residue of form (`~…`) is no content.
 *  A5 Where the provider gave no id or time and the dialect demands one, the gateway's own stands there (see
 *     `WriteResponseOptions`): it claims nothing about the answer. One that the provider gave must survive or be a loss.
 *  A6 Zero tokens of a special kind are none: neither a total nor the bill differs from not reporting the kind.
 *  R5, R6 and R12 hold here too.
 */
import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { MediaPart, MediaSource, Part } from '@turnpike/wire/canon/part.ts';
import type { CanonRequest, Message, ReasoningRequest } from '@turnpike/wire/canon/request.ts';
import type { CanonResponse, Choice } from '@turnpike/wire/canon/response.ts';
import type { Usage } from '@turnpike/wire/canon/usage.ts';
import { parseJson } from '@turnpike/wire/json/parse.ts';
import { alignItems, ENVELOPE, type Item } from './alignment.ts';
import { type Difference, differences, uncovered } from './difference.ts';

/** Differences between a request and what came back of it, that neither a rule nor a loss accounts for. */
export function requestDifferences(before: CanonRequest, after: CanonRequest, losses: readonly Loss[]): Difference[] {
  return [
    ...uncovered(differences('', requestFields(before), requestFields(after)), withUnits(losses)),
    ...alignItems(toolItems(before), toolItems(after), losses),
    ...alignItems(conversation(before), conversation(after), withLabels(losses)),
  ];
}

/** R12: a loss at either name of a document's label is one at the other. */
function withLabels(losses: readonly Loss[]): Loss[] {
  const labels = losses.filter(({ path }) => path.endsWith('.filename'));
  return [...losses, ...labels.map((loss) => ({ ...loss, path: loss.path.replace(/filename$/, 'title') }))];
}

function requestFields(request: CanonRequest): unknown {
  const { messages: _aligned, tools: _R13, streamUsage: _R7, responseFormat, n, reasoning, ...rest } = request;
  return {
    ...rest,
    responseFormat: responseFormat?.type === 'text' ? undefined : responseFormat, // R8
    n: n === 1 ? undefined : n, // R10
    reasoning: reasoning && {
      ...reasoning,
      effort: reasoning.effort === 'none' ? undefined : reasoning.effort, // R11
      mode: modeMeant(reasoning),
    },
  };
}

/** R11. */
function modeMeant({ mode, effort, budgetTokens }: ReasoningRequest): string | undefined {
  if (effort === 'none') return mode ?? 'off';
  const asks = effort !== undefined || budgetTokens !== undefined;
  return mode ?? (asks ? 'on' : undefined);
}

/** R11: losses, with those of one measure of reasoning standing for the other as well. */
function withUnits(losses: readonly Loss[]): Loss[] {
  const measures = ['reasoning.effort', 'reasoning.budgetTokens'];
  return losses.flatMap((loss) =>
    loss.kind === 'changed' && measures.includes(loss.path) ? measures.map((path) => ({ ...loss, path })) : [loss],
  );
}

function toolItems({ tools }: CanonRequest): Item[] {
  return (tools ?? []).map((tool, at) => ({ path: `tools[${at}]`, kind: tool.type, value: tool }));
}

/** R14: all content in order, with each user turn's results before the rest of it. */
function conversation({ messages }: CanonRequest): Item[] {
  const turns: { isUsers: boolean; items: Item[] }[] = [];
  messages.forEach((message, at) => {
    const isUsers = message.role === 'user' || message.role === 'tool';
    const items = messageItems(message, at);
    const last = turns.at(-1);
    if (last?.isUsers && isUsers) last.items.push(...items);
    else turns.push({ isUsers, items });
  });
  const isResult = (item: Item) => item.kind.startsWith('result');
  return turns.flatMap(({ items }) => [...items.filter(isResult), ...items.filter((item) => !isResult(item))]);
}

function messageItems(message: Message, at: number): Item[] {
  const role = message.role === 'developer' ? 'system' : message.role; // R2
  const path = `messages[${at}]`;
  const { name, residue, cacheMark } = message;
  const last = message.parts.length - 1;
  const isOnPart = cacheMark !== undefined && last >= 0 && message.parts[last]?.cacheMark === undefined;
  const envelope = { name, residue, cacheMark: isOnPart ? undefined : cacheMark };
  const parts = message.parts.map(
    (part, index) => (isOnPart && index === last ? { ...part, cacheMark } : part), // R4
  );
  const items = parts.flatMap((part, index) => partItems(part, `${path}.parts[${index}]`, role));
  const isBare = differences('', envelope, undefined).length === 0;
  return isBare ? items : [{ path, kind: ENVELOPE, value: envelope }, ...items]; // R1
}

function partItems(part: Part, path: string, role: string): Item[] {
  if (isEmpty(part)) return [];
  if (part.type !== 'tool-result') return [{ path, kind: `${role} ${part.type}`, value: partValue(part) }];
  // R3. Its content stands behind it, item by item: what is left out of it then moves nothing else.
  const { content, ...result } = part;
  const inner = content.flatMap((one, at) => partItems(one, `${path}.content[${at}]`, 'result'));
  return [{ path, kind: 'result', value: result }, ...inner];
}

function partValue(part: Part): unknown {
  if (part.type === 'tool-call') return { ...part, argumentsJson: argumentsValue(part.argumentsJson, part.input) };
  if (part.type === 'media' && part.kind === 'document') {
    return { ...part, source: sourceMeant(part), title: part.title ?? part.filename, filename: undefined }; // R12
  }
  return part;
}

function sourceMeant({ source, mediaType }: MediaPart): MediaSource {
  if (source.type !== 'base64' || mediaType !== 'text/plain') return source;
  return { type: 'text', text: Buffer.from(source.data, 'base64').toString() };
}

/** R5. */
function isEmpty(part: Part): boolean {
  if (part.type !== 'text' && part.type !== 'reasoning') return false;
  return part.text === '' && differences('', { ...part, ...BARE }, BARE).length === 0;
}

const BARE = { type: '', text: '' };

/** R6: the value that a call's arguments stand for. */
export function argumentsValue(text: string, input: 'function' | 'custom' | undefined): unknown {
  if (input === 'custom') return text;
  if (text.trim() === '') return {}; // R6
  try {
    return parseJson(text);
  } catch {
    return text; // Models err; then the text itself is what must survive.
  }
}

/** Differences between a response and what came back of it, that neither a rule nor a loss accounts for. */
export function responseDifferences(
  before: CanonResponse,
  after: CanonResponse,
  losses: readonly Loss[],
): Difference[] {
  const fields = ({ choices: _compared, usage, ...rest }: CanonResponse) => ({ ...rest, usage: countedUsage(usage) });
  const count = Math.max(before.choices.length, after.choices.length);
  const found = differences('', fields(before), fields(after));
  const isOurs = ({ path, was }: Difference) =>
    (path === 'id' || path === 'createdSec') && (was === undefined || was === ''); // A5
  const open = uncovered(
    found.filter((one) => !isOurs(one)),
    losses,
  );
  for (let at = 0; at < count; at++) {
    open.push(...choiceDifferences(`choices[${at}]`, before.choices[at], after.choices[at], losses));
  }
  return open;
}

/** A3 and A6. */
function countedUsage(usage: Usage | undefined): unknown {
  if (usage === undefined) return undefined;
  const { raw: _A3, inputTokens, outputTokens, ...kinds } = usage;
  const { serverToolCalls, ...tokens } = kinds;
  const counted = (counts: object) => Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
  return { inputTokens, outputTokens, ...counted(tokens), serverToolCalls: counted(serverToolCalls ?? {}) };
}

function choiceDifferences(
  path: string,
  before: Choice | undefined,
  after: Choice | undefined,
  losses: readonly Loss[],
): Difference[] {
  if (before === undefined || after === undefined) return uncovered([{ path, was: before, is: after }], losses);
  const was = contentOf(before, path);
  const is = contentOf(after, path);
  const open = uncovered(differences(path, choiceFields(before), choiceFields(after)), losses);
  for (const kind of new Set([...was.items, ...is.items].map((item) => item.kind))) {
    const ofKind = (items: Item[]) => items.filter((item) => item.kind === kind);
    open.push(...alignItems(ofKind(was.items), ofKind(is.items), losses));
  }
  open.push(...textDifferences(path, was, is, losses));
  const partsChanged = losses.some((loss) => loss.path === path || loss.path.startsWith(`${path}.parts`));
  if (was.order !== is.order && !partsChanged) open.push({ path: `${path}.parts`, was: was.order, is: is.order });
  return open;
}

function choiceFields({ parts: _compared, finish, ...rest }: Choice): unknown {
  return { ...rest, finish: finish && { ...finish, raw: undefined } }; // A3
}

interface Content {
  /** All but texts. */
  items: Item[];
  texts: { path: string; text: string }[];
  citations: Item[];
  /** Kinds in order, runs of one kind counted once. */
  order: string;
}

/** A1 and A2. */
function contentOf(choice: Choice, path: string): Content {
  const content: Content = { items: [], texts: [], citations: [], order: '' };
  let length = 0;
  const kinds: string[] = [];
  choice.parts.forEach((part, index) => {
    const at = `${path}.parts[${index}]`;
    if (isEmpty(part)) return;
    if (kinds.at(-1) !== part.type) kinds.push(part.type);
    if (part.type !== 'text') {
      content.items.push(...partItems(part, at, 'assistant'));
      return;
    }
    content.texts.push({ path: at, text: part.text });
    const bare = { ...part, type: undefined, text: undefined, citations: undefined };
    if (differences(at, bare, undefined).length > 0) content.items.push({ path: at, kind: ENVELOPE, value: bare });
    part.citations?.forEach(({ raw: _A3, start, end, ...cited }, number) => {
      const value = { ...cited, start: length + (start ?? 0), end: length + (end ?? part.text.length) };
      content.citations.push({ path: `${at}.citations[${number}]`, kind: 'citation', value });
    });
    length += part.text.length;
  });
  content.order = kinds.join(' ');
  return content;
}

function textDifferences(path: string, was: Content, is: Content, losses: readonly Loss[]): Difference[] {
  const open = alignItems(was.citations, is.citations, losses);
  const joined = (content: Content) => content.texts.map((one) => one.text).join('');
  if (joined(was) === joined(is)) return open;
  const kept = was.texts.filter((one) => uncovered([{ path: one.path, was: '', is: '' }], losses).length > 0);
  if (kept.map((one) => one.text).join('') === joined(is)) return open;
  // Something of this choice is said otherwise now, perhaps as text: what no loss speaks of must still be there.
  const isRetold = losses.some((loss) => loss.kind === 'changed' && loss.path.startsWith(`${path}.parts[`));
  if (isRetold && isSubsequence(kept, joined(is))) return open;
  return [...open, { path: `${path}.parts`, was: joined(was), is: joined(is) }];
}

/** Are all texts there, in their order, whatever stands between them? */
function isSubsequence(texts: readonly { text: string }[], whole: string): boolean {
  let from = 0;
  for (const { text } of texts) {
    const found = whole.indexOf(text, from);
    if (found < 0) return false;
    from = found + text.length;
  }
  return true;
}
