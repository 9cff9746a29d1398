import type { ReasoningPart } from '../../canon/part.ts';
import { isFormNote } from '../../canon/residue.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { CHAT, withNotes } from './fields.ts';
import type { PartSink } from './part-sink.ts';
import { plainFields } from './reasoning.ts';
import { type Detail, readDetail, readThinkingBlock } from './reasoning-details.ts';

/** The key of reasoning that came in a plain field only. */
const PLAIN = 'plain';

interface OpenReasoning {
  part: number;
  key: string | undefined;
  isSealed: boolean;
  plain: string;
}

/** The reasoning of one streamed choice, in whichever conventions it comes; given twice in a chunk it is read once. */
export class StreamedReasoning {
  private current: OpenReasoning | undefined;

  constructor(private readonly sink: PartSink) {}

  /** @param onStart Called before a new part starts. */
  read(delta: JsonObject, onStart: () => void): void {
    const plain = plainFields.filter((name) => typeof delta[name] === 'string' && delta[name] !== '');
    const details = [...readAll(delta.reasoning_details, readDetail), ...readAll(delta.thinking_blocks, readBlock)];
    if (plain.length === 0 && details.length === 0) return;
    const text = plain[0] === undefined ? '' : String(delta[plain[0]]);
    const said = details.map((detail) => detail.text).join('');
    if (text !== '' && said === '') {
      const home = details.find((detail) => detail.seal?.kind !== 'encrypted');
      if (home !== undefined) home.text = text;
      else details.unshift({ key: PLAIN, text, residue: {} });
    }
    for (const detail of details) {
      if (detail.text !== '' || detail.seal !== undefined || unknownOf(detail))
        this.add(detail, detail.text === '' ? [] : plain, onStart);
    }
  }

  /** Reasoning that stands in `content` (Mistral). */
  readInContent(part: ReasoningPart, onStart: () => void): void {
    const detail: Detail = { key: 'content', text: part.text, residue: part.residue ?? {} };
    if (part.seal !== undefined) detail.seal = part.seal;
    this.add(detail, [], onStart);
  }

  close(): void {
    if (this.current === undefined) return;
    this.sink.end(this.current.part);
    this.current = undefined;
  }

  private add(detail: Detail, plain: readonly string[], onStart: () => void): void {
    const { current } = this;
    if (current === undefined || !continues(current, detail)) {
      this.start(detail, plain, onStart);
      return;
    }
    if (current.key === PLAIN && detail.key !== PLAIN) {
      current.key = detail.key;
      this.sink.delta(current.part, { type: 'residue', residue: detail.residue });
    }
    if (plain.length > 0 && plain.join() !== current.plain) {
      current.plain = plain.join();
      this.sink.delta(current.part, { type: 'residue', residue: { [CHAT]: { '~plain': [...plain] } } });
    }
    const news = unknownOf(detail);
    if (news !== undefined) this.sink.delta(current.part, { type: 'residue', residue: { [CHAT]: news } });
    if (detail.text !== '') this.sink.delta(current.part, { type: 'text', text: detail.text });
    if (detail.seal === undefined) return;
    this.sink.delta(current.part, { type: 'seal', seal: detail.seal });
    const head = detail.residue[CHAT]?.['~detail'];
    if (head !== undefined)
      this.sink.delta(current.part, { type: 'residue', residue: { [CHAT]: { '~detail': head } } });
    current.isSealed = true;
  }

  private start(detail: Detail, plain: readonly string[], onStart: () => void): void {
    this.close();
    onStart();
    const residue = plain.length > 0 ? withNotes(detail.residue, { '~plain': [...plain] }) : detail.residue;
    const value: ReasoningPart = { type: 'reasoning', text: detail.text, residue };
    if (detail.seal !== undefined) value.seal = detail.seal;
    const part = this.sink.start(value);
    this.current = { part, key: detail.key, isSealed: detail.seal !== undefined, plain: plain.join() };
  }
}

/** Fields of an entry that the canon has no word for. */
function unknownOf(detail: Detail): JsonObject | undefined {
  const own = detail.residue[CHAT] ?? {};
  const names = Object.keys(own).filter((name) => !isFormNote(name));
  return names.length === 0 ? undefined : Object.fromEntries(names.map((name) => [name, own[name]]));
}

/** Does the entry add to the open part? A bare signature belongs to the plain text before it. */
function continues(current: OpenReasoning, detail: Detail): boolean {
  if (current.isSealed) return false;
  if (detail.key !== undefined && detail.key === current.key) return true;
  return current.key === PLAIN && detail.text === '' && detail.seal?.kind === 'signature';
}

function readAll(list: Json | undefined, read: (entry: JsonObject) => Detail | undefined): Detail[] {
  if (!Array.isArray(list)) return [];
  return list.map((entry) => (isObject(entry) ? read(entry) : undefined)).filter((detail) => detail !== undefined);
}

/** Blocks have no index: pieces of the one block that is running follow each other. */
function readBlock(block: JsonObject): Detail | undefined {
  const detail = readThinkingBlock(block);
  return detail === undefined || block.type !== 'thinking' ? detail : { ...detail, key: 'block' };
}
