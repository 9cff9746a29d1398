import type { DialectId, Residue } from '../../canon/residue.ts';
import { isFormNote } from '../../canon/residue.ts';
import { Fault, type FaultCode } from '../../fault.ts';
import { asNumber, isObject, type Json, JsonNumber, type JsonObject } from '../../json/value.ts';

/** The id of this dialect, as residue and losses name it. */
export const CHAT = 'openai-chat' satisfies DialectId;

/**
 * Takes the known fields out of one JSON object while it is read. What nobody took is residue.
 *
 * Form notes it leaves for {@link Draft}: `~blank` (known fields whose value says nothing: null, '', []) and `~numbers`
 * (numbers whose text JavaScript would not give back).
 */
export class Fields {
  private readonly taken = new Set<string>();
  private readonly notes: JsonObject = {};

  /** @param code The fault to throw for a value of the wrong type; `param` is the field's path. */
  constructor(
    readonly source: JsonObject,
    readonly path: string,
    readonly code: FaultCode = 'body_invalid',
  ) {}

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  /** The field's value; undefined when absent or null (which is noted). */
  take(name: string): Json | undefined {
    const value = this.source[name];
    if (value === undefined) return undefined;
    this.taken.add(name);
    if (value !== null) return value;
    this.blank(name, null);
    return undefined;
  }

  /** Leaves a field taken before to the residue after all. */
  leave(name: string): void {
    this.taken.delete(name);
  }

  string(name: string): string | undefined {
    const value = this.take(name);
    return value === undefined || typeof value === 'string' ? value : this.reject(name, 'a string');
  }

  number(name: string): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (value instanceof JsonNumber) {
      const noted = this.notes['~numbers'];
      this.notes['~numbers'] = { ...(isObject(noted) ? noted : {}), [name]: value };
    }
    return asNumber(value) ?? this.reject(name, 'a number');
  }

  boolean(name: string): boolean | undefined {
    const value = this.take(name);
    return value === undefined || typeof value === 'boolean' ? value : this.reject(name, 'a boolean');
  }

  array(name: string): Json[] | undefined {
    const value = this.take(name);
    return value === undefined || Array.isArray(value) ? value : this.reject(name, 'an array');
  }

  object(name: string): JsonObject | undefined {
    const value = this.take(name);
    return value === undefined || isObject(value) ? value : this.reject(name, 'an object');
  }

  /** A nested object to be read field by field. */
  nested(name: string): Fields | undefined {
    const value = this.object(name);
    return value === undefined ? undefined : new Fields(value, this.at(name), this.code);
  }

  /** Notes that a known field was there with a value that says nothing. */
  blank(name: string, value: Json): void {
    const noted = this.notes['~blank'];
    this.notes['~blank'] = { ...(isObject(noted) ? noted : {}), [name]: value };
  }

  note(name: `~${string}`, value: Json): void {
    this.notes[name] = value;
  }

  /** Fields that nobody took. */
  rest(): JsonObject {
    const rest: JsonObject = {};
    for (const name in this.source) {
      const value = this.source[name];
      if (value !== undefined && !this.taken.has(name)) rest[name] = value;
    }
    return rest;
  }

  /** Adds what is left of a nested object under its name, to be merged back by {@link Draft}. */
  keep(name: string, nested: Fields): void {
    const own = nested.own();
    if (own === undefined) return;
    const [known, notes]: [JsonObject, JsonObject] = [{}, {}];
    for (const field in own) (isFormNote(field) ? notes : known)[field] = own[field];
    if (Object.keys(known).length > 0) this.kept[name] = known;
    if (Object.keys(notes).length > 0) this.kept[`~${name}`] = notes;
  }

  private readonly kept: JsonObject = {};

  /** Residue of this object in this dialect, notes included; undefined when there is none. */
  own(): JsonObject | undefined {
    const own: JsonObject = { ...this.rest(), ...this.kept, ...this.notes };
    return Object.keys(own).length === 0 ? undefined : own;
  }

  residue(): Residue | undefined {
    const own = this.own();
    return own === undefined ? undefined : { [CHAT]: own };
  }

  reject(name: string, wanted: string): never {
    const param = this.at(name);
    throw new Fault(this.code, { message: `${param} must be ${wanted}.`, param });
  }
}

/** Builds one JSON object of this dialect and puts back what {@link Fields} left over. */
export class Draft {
  readonly body: JsonObject = {};
  private readonly own: JsonObject;

  constructor(own: JsonObject | undefined) {
    this.own = own ?? {};
  }

  static of(residue: Residue | undefined): Draft {
    return new Draft(residue?.[CHAT]);
  }

  note(name: `~${string}`): Json | undefined {
    return this.own[name];
  }

  /** Was the field there with a value that says nothing? */
  isBlank(name: string): boolean {
    const blank = this.own['~blank'];
    return isObject(blank) && blank[name] !== undefined;
  }

  /** Residue of a nested object, for a draft of its own. */
  inner(name: string): JsonObject | undefined {
    const [known, notes] = [this.own[name], this.own[`~${name}`]];
    if (!isObject(notes)) return isObject(known) ? known : undefined;
    return { ...(isObject(known) ? known : {}), ...notes };
  }

  set(name: string, value: Json | undefined): void {
    if (value !== undefined) this.body[name] = value;
  }

  /** Sets a number, as it was written when its value is still the same. */
  number(name: string, value: number | undefined): void {
    if (value === undefined) return;
    const noted = this.own['~numbers'];
    const written = isObject(noted) ? noted[name] : undefined;
    this.body[name] = written instanceof JsonNumber && written.valueOf() === value ? written : value;
  }

  done(): JsonObject {
    const { body, own } = this;
    for (const name in own) {
      const value = own[name];
      if (value === undefined || isFormNote(name)) continue;
      const set = body[name];
      if (set === undefined) body[name] = value;
      else if (isObject(set) && isObject(value)) body[name] = { ...value, ...set };
    }
    const blank = own['~blank'];
    if (isObject(blank)) {
      for (const name in blank) if (body[name] === undefined) body[name] = blank[name];
    }
    return body;
  }
}

/** A form note of a node, undefined when the node did not come from this dialect. */
export function noteOf(residue: Residue | undefined, name: `~${string}`): Json | undefined {
  return residue?.[CHAT]?.[name];
}

/** `residue` with notes of this dialect added. */
export function withNotes(residue: Residue | undefined, notes: JsonObject): Residue {
  return { ...residue, [CHAT]: { ...residue?.[CHAT], ...notes } };
}
