import type { ToolCallPart } from '../../canon/part.ts';
import { stringifyJson } from '../../json/stringify.ts';
import { asNumber, asString, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { CHAT } from './fields.ts';
import type { PartSink } from './part-sink.ts';

interface Slot {
  index: number | undefined;
  id: string | undefined;
  name: string;
  position: number;
  kind: 'function' | 'custom' | 'legacy';
  /** The part's number, once it has started: that waits for the name. */
  part: number | undefined;
  /** Arguments that came before the name. */
  waiting: string;
  residue: JsonObject;
}

const knownInCall = new Set(['index', 'id', 'type', 'function', 'custom']);
const knownInFunction = new Set(['name', 'arguments', 'input']);

/** The tool calls of one streamed choice. They stay open until the choice ends, since their pieces may interleave. */
export class StreamedToolCalls {
  private readonly slots: Slot[] = [];

  /** @param spareId An id for the call at a position, when the provider gives none. */
  constructor(
    private readonly sink: PartSink,
    private readonly spareId: (position: number) => string,
    private readonly toolNames: ReadonlyMap<string, string> | undefined,
  ) {}

  get any(): boolean {
    return this.slots.length > 0;
  }

  /** Reads one element of `delta.tool_calls`. @param onStart Called before a new part starts. */
  read(call: JsonObject, onStart: () => void): void {
    const isCustom = isObject(call.custom) && (call.type === 'custom' || call.function === undefined);
    const kind = isCustom ? 'custom' : 'function';
    const inner = isObject(call[kind]) ? (call[kind] as JsonObject) : {};
    const slot = this.slotOf(asNumber(call.index), asString(call.id) || undefined, asString(inner.name), kind);
    addUnknown(slot.residue, call, knownInCall);
    const unknown: JsonObject = {};
    addUnknown(unknown, inner, knownInFunction);
    const before = slot.residue[kind];
    if (Object.keys(unknown).length > 0) slot.residue[kind] = { ...(isObject(before) ? before : {}), ...unknown };
    const late = this.lateFields(slot, call, kind, unknown);
    this.feed(slot, inner[kind === 'custom' ? 'input' : 'arguments'], onStart);
    if (late !== undefined && slot.part !== undefined) {
      this.sink.delta(slot.part, { type: 'residue', residue: { [CHAT]: late } });
    }
  }

  /** Reads `delta.function_call`. */
  readLegacy(call: JsonObject, onStart: () => void): void {
    const name = asString(call.name);
    const last = this.slots.at(-1);
    const slot = last?.kind === 'legacy' ? last : this.add(undefined, undefined, name, 'legacy');
    slot.residue['~legacy'] = true;
    addUnknown(slot.residue, call, knownInFunction);
    this.feed(slot, call.arguments, onStart);
  }

  /** Starts calls that never got a name, so that none is lost. */
  finish(onStart: () => void): void {
    for (const slot of this.slots) if (slot.part === undefined) this.start(slot, onStart);
  }

  private slotOf(
    index: number | undefined,
    id: string | undefined,
    name: string | undefined,
    kind: Slot['kind'],
  ): Slot {
    const found = this.find(index, id, name);
    if (found === undefined) return this.add(index, id, name, kind);
    found.id ??= id;
    if (found.name === '' && name !== undefined) found.name = name;
    return found;
  }

  /** The call a piece continues. An id and a name that differ make a new one, even at an index used before. */
  private find(index: number | undefined, id: string | undefined, name: string | undefined): Slot | undefined {
    const byId = id === undefined ? undefined : this.slots.findLast((slot) => slot.id === id);
    if (byId !== undefined) return byId;
    const isNew = id !== undefined && name !== undefined && name !== '';
    if (index === undefined) return id === undefined && !name ? this.slots.at(-1) : undefined;
    const at = this.slots.findLast((slot) => slot.index === index);
    return at !== undefined && isNew && at.id !== undefined ? undefined : at;
  }

  private add(index: number | undefined, id: string | undefined, name: string | undefined, kind: Slot['kind']): Slot {
    const position = this.slots.length;
    const slot: Slot = { index, id, name: name ?? '', position, kind, part: undefined, waiting: '', residue: {} };
    this.slots.push(slot);
    return slot;
  }

  private feed(slot: Slot, value: Json | undefined, onStart: () => void): void {
    slot.waiting += argumentsText(value);
    if (slot.part === undefined && slot.name === '') return;
    if (slot.part === undefined) this.start(slot, onStart);
    if (slot.waiting !== '' && slot.part !== undefined) {
      this.sink.delta(slot.part, { type: 'arguments', argumentsJson: slot.waiting });
      slot.waiting = '';
    }
  }

  private start(slot: Slot, onStart: () => void): void {
    onStart();
    const value: ToolCallPart = {
      type: 'tool-call',
      id: slot.id ?? this.spareId(slot.kind === 'legacy' ? 0 : slot.position),
      name: this.toolNames?.get(slot.name) ?? slot.name,
      argumentsJson: '',
      ranBy: 'client',
    };
    if (slot.kind === 'custom') value.input = 'custom';
    if (slot.id === undefined && slot.kind !== 'legacy') slot.residue['~spareId'] = value.id;
    if (Object.keys(slot.residue).length > 0) value.residue = { [CHAT]: { ...slot.residue } };
    slot.part = this.sink.start(value);
  }

  /** Unknown fields that come with a later piece; those inside `function` together with the earlier ones. */
  private lateFields(slot: Slot, call: JsonObject, kind: string, inner: JsonObject): JsonObject | undefined {
    if (slot.part === undefined) return undefined;
    const late: JsonObject = {};
    addUnknown(late, call, knownInCall);
    for (const name in late) if (late[name] === null) delete late[name];
    if (Object.keys(inner).length > 0) late[kind] = slot.residue[kind];
    return Object.keys(late).length === 0 ? undefined : late;
  }
}

function addUnknown(target: JsonObject, source: JsonObject, known: ReadonlySet<string>): void {
  for (const name in source) {
    if (!known.has(name) && (source[name] !== null || target[name] === undefined)) target[name] = source[name];
  }
}

function argumentsText(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : stringifyJson(value);
}
