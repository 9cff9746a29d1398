import { loseResidue } from '../../canon/loss.ts';
import type { OpaquePart, ReasoningPart } from '../../canon/part.ts';
import type { Seal } from '../../canon/seal.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import type { Quirks } from '../../quirks.ts';
import { change, drop, type Placed, type WriteContext } from './context.ts';
import { CHAT, type Draft, type Fields, noteOf, withNotes } from './fields.ts';
import {
  type Detail,
  entriesAsRead,
  joinDetails,
  readDetail,
  readThinkingBlock,
  writeDetails,
  writeThinkingBlock,
} from './reasoning-details.ts';
import { keepsFormat } from './seal-format.ts';

/** Fields that hold the reasoning as plain text: DeepSeek, xAI and many more; OpenRouter, Groq, Ollama. */
export const plainFields = ['reasoning_content', 'reasoning'] as const;

/**
 * Reads the reasoning of a whole message, in whichever conventions it is given. When it is given twice (plain text beside
 * structured entries) it is one reasoning: the entries hold, and the plain fields are noted (`~plain`).
 */
export function readReasoning(fields: Fields): (ReasoningPart | OpaquePart)[] {
  const details = readList(fields, 'reasoning_details', readDetail);
  const blocks = details === undefined ? readList(fields, 'thinking_blocks', readThinkingBlock) : undefined;
  const parts = details ?? blocks ?? [];
  for (const name of plainFields) readPlain(fields, name, parts);
  return parts;
}

function readList(
  fields: Fields,
  name: 'reasoning_details' | 'thinking_blocks',
  readEntry: (entry: JsonObject) => Detail | undefined,
): (ReasoningPart | OpaquePart)[] | undefined {
  const list = fields.take(name);
  if (list === undefined) return undefined;
  if (!Array.isArray(list) || !list.every(isObject)) {
    fields.leave(name);
    return undefined;
  }
  if (list.length === 0) {
    fields.blank(name, []);
    return undefined;
  }
  const parts: (ReasoningPart | OpaquePart)[] = [];
  let run: { detail: Detail; entry: JsonObject }[] = [];
  for (const entry of list) {
    const detail = readEntry(entry);
    if (detail !== undefined) {
      run.push({ detail, entry });
      continue;
    }
    parts.push(...joinDetails(run), {
      type: 'opaque',
      dialect: CHAT,
      value: entry,
      residue: { [CHAT]: { '~in': name } },
    });
    run = [];
  }
  return [...parts, ...joinDetails(run)];
}

/** Joins a plain field with the parts read so far; one that says something else stays residue. */
function readPlain(fields: Fields, name: string, parts: (ReasoningPart | OpaquePart)[]): void {
  const value = fields.take(name);
  if (value === undefined) return;
  if (typeof value !== 'string') {
    fields.leave(name);
    return;
  }
  if (value === '') {
    fields.blank(name, '');
    return;
  }
  const reasoning = parts.filter((part) => part.type === 'reasoning');
  const said = reasoning.map((part) => part.text).join('');
  if (said !== '' && said !== value) {
    fields.leave(name);
    return;
  }
  if (said === '') {
    const home = reasoning[0];
    if (home?.seal?.kind === 'signature') home.text = value;
    else parts.unshift({ type: 'reasoning', text: value });
  }
  for (const part of parts) {
    if (part.type === 'reasoning' && part.text !== '') part.residue = withPlain(part, name);
  }
  if (said === '') renote(parts);
}

/** The text came from a plain field, while the entry holds the proof only: what the entry said changes with it. */
function renote(parts: (ReasoningPart | OpaquePart)[]): void {
  const home = parts[0];
  if (home?.type !== 'reasoning' || home.seal === undefined) return;
  const isBlock = noteOf(home.residue, '~block') !== undefined;
  const [entry] = isBlock
    ? [writeThinkingBlock({ ...home, text: '' })]
    : (asNoted(home) ?? writeDetails({ ...home, text: '' }, 0));
  if (entry === undefined) return;
  home.residue = withNotes(home.residue, { '~entries': [entry], '~said': [home.text, home.seal.value] });
}

function asNoted(part: ReasoningPart): Json[] | undefined {
  const entries = noteOf(part.residue, '~entries');
  return Array.isArray(entries) ? entries : undefined;
}

function withPlain(part: ReasoningPart, name: string): ReasoningPart['residue'] {
  const noted = noteOf(part.residue, '~plain');
  return withNotes(part.residue, { '~plain': [...(Array.isArray(noted) ? noted : []), name] });
}

/** Names of the plain fields a part came from; undefined when it did not come from this dialect. */
export function plainOf(part: ReasoningPart): string[] | undefined {
  const noted = noteOf(part.residue, '~plain');
  if (Array.isArray(noted)) return noted.filter((name) => typeof name === 'string');
  return isOwn(part) ? [] : undefined;
}

/** Was this part read from this dialect? */
export function isOwn(part: ReasoningPart): boolean {
  const own = part.residue?.[CHAT];
  return own !== undefined && ['~plain', '~detail', '~block', '~in'].some((name) => own[name] !== undefined);
}

interface Conventions {
  plain: readonly string[];
  list?: 'reasoning_details' | 'thinking_blocks';
}

/** Sets the reasoning fields of a message. `index` in the entries counts the message's reasoning parts. */
export function writeReasoning(draft: Draft, placed: readonly Placed<ReasoningPart>[], context: WriteContext): void {
  const lists: Record<string, Json[]> = {};
  const texts: Record<string, string> = {};
  for (const [index, { part, path }] of placed.entries()) {
    const conventions = conventionsFor(part, context);
    loseResidue(context.losses, path, part.residue, CHAT);
    if (!report(part, path, conventions, context)) continue;
    for (const name of conventions.plain) texts[name] = (texts[name] ?? '') + part.text;
    const { list } = conventions;
    if (list === undefined) continue;
    const entries = list === 'thinking_blocks' ? [writeThinkingBlock(part)] : writeDetails(part, index);
    lists[list] = [...(lists[list] ?? []), ...entries];
  }
  for (const name in texts) if (texts[name] !== '') draft.set(name, texts[name]);
  for (const name in lists) draft.set(name, lists[name]);
}

export function conventionsFor(part: ReasoningPart, context: WriteContext): Conventions {
  const { quirks, purpose } = context;
  if (purpose === 'request' && quirks.reasoningHistory !== undefined) return byQuirk[quirks.reasoningHistory];
  const plain = plainOf(part);
  if (plain === undefined) return purpose === 'request' ? byQuirk.details : toClient;
  if (noteOf(part.residue, '~block') !== undefined) return { plain, list: 'thinking_blocks' };
  const hasEntry = noteOf(part.residue, '~detail') !== undefined || part.seal !== undefined;
  return hasEntry ? { plain, list: 'reasoning_details' } : { plain };
}

/** Clients get both: the plain field that most of them show, and the entries that carry the proof. */
const toClient: Conventions = { plain: ['reasoning_content'], list: 'reasoning_details' };

const byQuirk: Readonly<Record<NonNullable<Quirks['reasoningHistory']>, Conventions>> = {
  details: { plain: [], list: 'reasoning_details' },
  content: { plain: ['reasoning_content'] },
  reasoning: { plain: ['reasoning'] },
  none: { plain: [] },
};

/** Reports a seal's format that an entry cannot name, and encrypted reasoning that needs an entry beside its text. */
export function reportSeal(seal: Seal, hasText: boolean, path: string, context: WriteContext): void {
  if (seal.kind === 'encrypted' && hasText)
    change(context, path, 'visible text and encrypted reasoning are two entries');
  if (!keepsFormat(seal))
    change(context, `${path}.seal.format`, `an entry names the format of ${seal.issuer} by its own word`);
}

/** Reports what the conventions leave out. @returns whether anything of the part is written. */
function report(part: ReasoningPart, path: string, conventions: Conventions, context: WriteContext): boolean {
  if (conventions.list !== undefined) {
    if (part.seal !== undefined)
      reportSeal(part.seal, part.text !== '' && entriesAsRead(part) === undefined, path, context);
    return true;
  }
  if (conventions.plain.length === 0 || (part.text === '' && part.seal !== undefined)) {
    drop(context, path, 'the provider takes back no reasoning of this form');
    return false;
  }
  if (part.seal !== undefined) drop(context, `${path}.seal`, 'the provider takes reasoning back as plain text only');
  return true;
}
