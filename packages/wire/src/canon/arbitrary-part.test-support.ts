import fc, { type Arbitrary } from 'fast-check';
import { type Json, JsonNumber, type JsonObject } from '../json/value.ts';
import type { CacheMark, Citation, MediaPart, MediaSource, Part } from './part.ts';
import type { DialectId, Residue } from './residue.ts';
import type { Seal } from './seal.ts';

/** Generators of canon values for property tests. Everything generated is canonical: no `undefined` fields. */
export interface ArbitraryOptions {
  /** Whose residue, raw citations, opaque parts and files may occur. Default: both. An empty list: none of these. */
  dialects?: readonly DialectId[];
}

const BOTH: readonly DialectId[] = ['openai-chat', 'anthropic-messages'];

/** Short text of any script, without lone surrogates. */
export function arbitraryText(): Arbitrary<string> {
  return fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.constantFrom('', 'Hello', 'a\nb\r\n', '😀é', '"\\'),
  );
}

/** Like a name of a field, tool or participant: never empty, accepted everywhere. */
export function arbitraryName(): Arbitrary<string> {
  return fc.stringMatching(/^[a-z][a-z0-9_]{0,10}$/);
}

export function arbitraryJson(): Arbitrary<Json> {
  const unusual = fc.constantFrom('1.0', '1e3', '12345678901234567890', '-0').map((text) => new JsonNumber(text));
  const scalar = fc.oneof(fc.constant(null), fc.boolean(), fc.integer(), arbitraryText(), unusual);
  return fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      scalar,
      fc.array(tie('value'), { maxLength: 3 }),
      object(tie('value')),
    ),
  })).value;
}

export function arbitraryJsonObject(): Arbitrary<JsonObject> {
  return object(arbitraryJson());
}

function object(value: Arbitrary<Json>): Arbitrary<JsonObject> {
  return fc.dictionary(arbitraryName(), value, { maxKeys: 3, noNullPrototype: true });
}

/** Fields with names that no dialect uses (`x_…`), so that they never mean something. */
export function arbitraryResidue(options: ArbitraryOptions = {}): Arbitrary<Residue> {
  const fields = fc.dictionary(
    arbitraryName().map((name) => `x_${name}`),
    arbitraryJson(),
    {
      minKeys: 1,
      maxKeys: 2,
      noNullPrototype: true,
    },
  );
  const { dialects = BOTH } = options;
  const each = Object.fromEntries(dialects.map((dialect) => [dialect, fields]));
  return fc
    .record(each, { requiredKeys: [], noNullPrototype: true })
    .filter((residue) => Object.keys(residue).length > 0);
}

/** A record some of whose fields may be missing. Undefined generators stand for fields that must not occur. */
export function partly<T extends object, K extends keyof T>(
  fields: { [F in keyof Required<T>]: Arbitrary<Exclude<T[F], undefined>> | undefined },
  required: readonly K[],
): Arbitrary<T> {
  const present = Object.fromEntries(Object.entries(fields).filter(([, arbitrary]) => arbitrary !== undefined));
  return fc.record(present as { [F in keyof T]: Arbitrary<T[F]> }, {
    requiredKeys: required as unknown as [],
    noNullPrototype: true,
  }) as unknown as Arbitrary<T>;
}

/** Rarely there: keeps most values small. */
export function residueOrNone(options: ArbitraryOptions): Arbitrary<Residue> | undefined {
  return options.dialects?.length === 0 ? undefined : arbitraryResidue(options);
}

export function arbitraryDialect({ dialects = BOTH }: ArbitraryOptions): Arbitrary<DialectId> | undefined {
  return dialects.length === 0 ? undefined : fc.constantFrom(...dialects);
}

export function arbitraryCacheMark(): Arbitrary<CacheMark> {
  return fc.constantFrom<CacheMark[]>({}, { ttl: '5m' }, { ttl: '1h' });
}

export function arbitrarySeal(): Arbitrary<Seal> {
  return partly<Seal, 'issuer' | 'kind' | 'value'>(
    {
      issuer: fc.constantFrom('anthropic', 'openai', 'google', 'xai'),
      kind: fc.constantFrom('signature', 'encrypted'),
      value: arbitraryBase64(),
      id: arbitraryName(),
      format: arbitraryName(),
    },
    ['issuer', 'kind', 'value'],
  );
}

function arbitraryBase64(): Arbitrary<string> {
  return fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => btoa(String.fromCharCode(...bytes)));
}

function arbitraryCitation(dialect: Arbitrary<DialectId>): Arbitrary<Citation> {
  return partly<Citation, 'raw'>(
    {
      url: fc.webUrl(),
      title: arbitraryText(),
      citedText: arbitraryText(),
      start: fc.nat(20),
      end: fc.nat(20),
      raw: fc.record({ dialect, value: arbitraryJsonObject() }),
    },
    ['raw'],
  );
}

function arbitraryArguments(): Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.json({ depthSize: 'small' }).map((json) => `{"x":${json}}`) },
    { weight: 1, arbitrary: fc.constantFrom('', '{}', '{"cut": "sho', '{ "spaced" : 1.0 }') },
  );
}

/** The generators of each kind of part; a kind is left out where no dialect may occur that it needs. */
export function partGenerators(options: ArbitraryOptions, nested: boolean) {
  const dialect = arbitraryDialect(options);
  const base = { cacheMark: arbitraryCacheMark(), residue: residueOrNone(options) };
  const citations = dialect && fc.array(arbitraryCitation(dialect), { minLength: 1, maxLength: 2 });
  const text = partly({ ...base, type: fc.constant('text'), text: arbitraryText(), citations }, ['type', 'text']);
  const reasoning = partly({ ...base, type: fc.constant('reasoning'), text: arbitraryText(), seal: arbitrarySeal() }, [
    'type',
    'text',
  ]);
  const refusal = partly({ ...base, type: fc.constant('refusal'), text: arbitraryText() }, ['type', 'text']);
  const toolCall = partly(
    {
      ...base,
      type: fc.constant('tool-call'),
      id: arbitraryName(),
      name: arbitraryName(),
      argumentsJson: arbitraryArguments(),
      ranBy: fc.constantFrom('client', 'provider'),
      input: fc.constantFrom('function', 'custom'),
    },
    ['type', 'id', 'name', 'argumentsJson', 'ranBy'],
  );
  const content = nested
    ? fc.constant<Part[]>([])
    : fc.array(fc.oneof(text, arbitraryMedia(options, true)), { maxLength: 2 });
  const toolResult = partly(
    {
      ...base,
      type: fc.constant('tool-result'),
      callId: arbitraryName(),
      name: arbitraryName(),
      content: content as Arbitrary<Part[]>,
      isError: fc.boolean(),
      ranBy: fc.constantFrom('client', 'provider'),
    },
    ['type', 'callId', 'content', 'ranBy'],
  );
  const opaque =
    dialect &&
    partly({ ...base, type: fc.constant('opaque'), dialect, value: arbitraryJsonObject() }, [
      'type',
      'dialect',
      'value',
    ]);
  return { text, reasoning, refusal, toolCall, toolResult, opaque, media: arbitraryMedia(options, nested) } as {
    [kind in 'text' | 'reasoning' | 'refusal' | 'toolCall' | 'toolResult' | 'media']: Arbitrary<Part>;
  } & { opaque: Arbitrary<Part> | undefined };
}

function arbitraryMedia(options: ArbitraryOptions, nested: boolean): Arbitrary<MediaPart> {
  const dialect = arbitraryDialect(options);
  const sources: Arbitrary<MediaSource>[] = [
    fc.record({ type: fc.constant('base64'), data: arbitraryBase64() }),
    fc.record({ type: fc.constant('url'), url: fc.webUrl() }),
    fc.record({ type: fc.constant('text'), text: arbitraryText() }),
  ];
  if (dialect) sources.push(fc.record({ type: fc.constant('file'), id: arbitraryName(), dialect }));
  if (!nested) {
    const parts = fc.array(fc.record({ type: fc.constant('text'), text: arbitraryText() }), { maxLength: 2 });
    sources.push(fc.record({ type: fc.constant('parts'), parts }));
  }
  return partly<MediaPart, 'type' | 'kind' | 'source'>(
    {
      type: fc.constant('media'),
      kind: fc.constantFrom('image', 'audio', 'video', 'document'),
      mediaType: fc.constantFrom('image/png', 'audio/wav', 'application/pdf', 'text/plain'),
      source: fc.oneof(...sources),
      filename: arbitraryName(),
      title: arbitraryText(),
      context: arbitraryText(),
      detail: fc.constantFrom('low', 'high', 'auto'),
      transcript: arbitraryText(),
      citations: fc.boolean(),
      cacheMark: arbitraryCacheMark(),
      residue: residueOrNone(options),
    },
    ['type', 'kind', 'source'],
  );
}

/** A part of any kind. */
export function arbitraryPart(options: ArbitraryOptions = {}): Arbitrary<Part> {
  const { opaque, ...others } = partGenerators(options, false);
  return fc.oneof(...Object.values(others), ...(opaque ? [opaque] : []));
}
