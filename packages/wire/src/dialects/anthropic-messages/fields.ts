import type { DialectId, Residue } from '../../canon/residue.ts';
import { withResidue } from '../../canon/residue.ts';
import { Fault, type FaultCode } from '../../fault.ts';
import { isObject, type Json, JsonNumber, type JsonObject } from '../../json/value.ts';

export const ANTHROPIC: DialectId = 'anthropic-messages';

/**
 * Takes the fields of one wire object that the canon has a word for; what nobody took is residue.
 *
 * A `null` is never taken: the canon knows no null, so it stays behind and is written back as it was.
 */
export class Fields {
  private readonly taken: string[] = [];
  private notes: JsonObject | undefined;
  private exact: JsonObject | undefined;

  constructor(
    readonly source: JsonObject,
    readonly path: string,
    /** The fault to throw for a value whose type cannot be understood. */
    readonly code: FaultCode,
  ) {}

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  string(name: string): string | undefined {
    const value = this.present(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw this.wrong(name, 'a string');
    this.taken.push(name);
    return value;
  }

  boolean(name: string): boolean | undefined {
    const value = this.present(name);
    if (value === undefined) return undefined;
    if (typeof value !== 'boolean') throw this.wrong(name, 'true or false');
    this.taken.push(name);
    return value;
  }

  /** A number; when its decimal text is not the one JavaScript would write (`1.0`), the text is noted beside it. */
  number(name: string): number | undefined {
    const value = this.present(name);
    if (value === undefined) return undefined;
    this.taken.push(name);
    if (typeof value === 'number') return value;
    if (!(value instanceof JsonNumber)) throw this.wrong(name, 'a number');
    this.exact = { ...this.exact, [name]: value };
    return value.valueOf();
  }

  object(name: string): JsonObject | undefined {
    const value = this.present(name);
    if (value === undefined) return undefined;
    if (!isObject(value)) throw this.wrong(name, 'an object');
    this.taken.push(name);
    return value;
  }

  list(name: string): Json[] | undefined {
    const value = this.present(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(name, 'a list');
    this.taken.push(name);
    return value;
  }

  /** The value as it is, null excepted, without a claim on its type. Not taken until {@link take}. */
  present(name: string): Json | undefined {
    const value = this.source[name];
    return value === null ? undefined : value;
  }

  take(...names: string[]): void {
    this.taken.push(...names);
  }

  /** Keeps what is left of a field after its known part was read. */
  keep(name: string, value: Json): void {
    this.taken.push(name);
    this.notes = { ...this.notes, [name]: value };
  }

  /** Notes a matter of form: `name` without its `~`. */
  note(name: string, value: Json): void {
    this.notes = { ...this.notes, [`~${name}`]: value };
  }

  /** The residue: everything not taken, what was kept, and the notes on form. */
  residue(base?: Residue): Residue | undefined {
    let rest: JsonObject | undefined = this.notes && { ...this.notes };
    for (const name in this.source) {
      const value = this.source[name];
      if (value === undefined || this.taken.includes(name)) continue;
      rest ??= {};
      rest[name] = value;
    }
    if (this.exact) rest = { ...rest, '~exact': this.exact };
    return rest === undefined ? base : withResidue(base, ANTHROPIC, rest);
  }

  wrong(name: string, wanted: string): Fault {
    const param = this.at(name);
    return new Fault(this.code, { param, message: `${param} must be ${wanted}.` });
  }
}

/** The own fields of a node's residue, without the notes on form: ready to be written back. */
export function ownFields(residue: Residue | undefined): JsonObject {
  const own = residue?.[ANTHROPIC];
  const fields: JsonObject = {};
  if (own === undefined) return fields;
  for (const name in own) if (!name.startsWith('~')) fields[name] = own[name];
  return fields;
}

/** A note on form (`name` without its `~`) of a node that was read from this dialect. */
export function formNote(residue: Residue | undefined, name: string): Json | undefined {
  return residue?.[ANTHROPIC]?.[`~${name}`];
}

/** `value` as it stood on the wire, if it is still the same number. */
export function exactNumber(residue: Residue | undefined, name: string, value: number): Json {
  const exact = formNote(residue, 'exact');
  const kept = isObject(exact) ? exact[name] : undefined;
  return kept instanceof JsonNumber && kept.valueOf() === value ? kept : value;
}
