import fc, { type Arbitrary } from 'fast-check';
import type { Json, JsonObject } from '../json/value.ts';
import {
  type ArbitraryOptions,
  arbitraryCacheMark,
  arbitraryDialect,
  arbitraryJsonObject,
  arbitraryName,
  arbitraryPart,
  arbitraryText,
  partGenerators,
  partly,
  residueOrNone,
} from './arbitrary-part.test-support.ts';
import type { Part } from './part.ts';
import type { CanonRequest, Message, ReasoningRequest, ResponseFormat, Sampling, Tool, ToolChoice } from './request.ts';
import type { CanonResponse, Choice, Finish, Logprobs, UnifiedFinish } from './response.ts';
import type { Usage } from './usage.ts';

export function arbitraryUsage(options: ArbitraryOptions = {}): Arbitrary<Usage> {
  const tokens = fc.nat(100_000);
  const dialect = arbitraryDialect(options);
  return partly<Usage, never>(
    {
      inputTokens: tokens,
      cacheReadTokens: tokens,
      cacheWriteTokens: tokens,
      cacheWrite1hTokens: tokens,
      outputTokens: tokens,
      reasoningTokens: tokens,
      inputAudioTokens: tokens,
      outputAudioTokens: tokens,
      inputImageTokens: tokens,
      outputImageTokens: tokens,
      serverToolCalls: fc.dictionary(arbitraryName(), fc.nat(9), { minKeys: 1, maxKeys: 2, noNullPrototype: true }),
      raw: dialect && fc.record({ dialect, value: arbitraryJsonObject() }),
    },
    [],
  );
}

const UNIFIED_FINISHES: Record<UnifiedFinish, true> = {
  stop: true,
  length: true,
  'tool-calls': true,
  'content-filter': true,
  refusal: true,
  pause: true,
  'context-exceeded': true,
  error: true,
  other: true,
};

function arbitraryFinish(options: ArbitraryOptions): Arbitrary<Finish> {
  return partly<Finish, 'unified' | 'raw'>(
    {
      unified: fc.constantFrom(...(Object.keys(UNIFIED_FINISHES) as UnifiedFinish[])),
      raw: arbitraryName(),
      stopSequence: arbitraryText(),
      residue: residueOrNone(options),
    },
    ['unified', 'raw'],
  );
}

function arbitraryLogprobs(): Arbitrary<Logprobs> {
  const token = fc.record({ token: arbitraryText(), logprob: fc.integer({ min: -20, max: 0 }) });
  const list = fc.option(fc.array<Json>(token, { maxLength: 3 }));
  return partly<Logprobs, never>({ content: list, refusal: list, rest: arbitraryJsonObject() }, []);
}

/** A response with any parts, several choices (of ascending index) or none, logprobs, usage and residue. */
export function arbitraryResponse(options: ArbitraryOptions = {}): Arbitrary<CanonResponse> {
  const choice = partly<Omit<Choice, 'index'>, 'parts'>(
    {
      parts: fc.array(arbitraryPart(options), { maxLength: 4 }),
      finish: arbitraryFinish(options),
      logprobs: arbitraryLogprobs(),
      residue: residueOrNone(options),
    },
    ['parts'],
  );
  const choices = fc.array(choice, { maxLength: 3 }).map((list) => list.map((rest, index) => ({ index, ...rest })));
  return partly<CanonResponse, 'id' | 'model' | 'choices'>(
    {
      id: fc.oneof(fc.constant(''), arbitraryName()),
      model: arbitraryName(),
      createdSec: fc.nat(2_000_000_000),
      choices,
      usage: arbitraryUsage(options),
      serviceTier: fc.constantFrom('default', 'priority'),
      residue: residueOrNone(options),
    },
    ['id', 'model', 'choices'],
  );
}

function arbitraryMessage(options: ArbitraryOptions): Arbitrary<Message> {
  const { text, reasoning, refusal, toolCall, toolResult, opaque, media } = partGenerators(options, false);
  const more = opaque ? [opaque] : [];
  const message = (role: Message['role'], kinds: Arbitrary<Part>[]) =>
    partly<Message, 'role' | 'parts'>(
      {
        role: fc.constant(role),
        parts: fc.array(fc.oneof(...kinds, ...more), { minLength: 1, maxLength: 3 }),
        name: arbitraryName(),
        cacheMark: arbitraryCacheMark(),
        residue: residueOrNone(options),
      },
      ['role', 'parts'],
    );
  return fc.oneof(
    message('system', [text]),
    message('developer', [text]),
    message('user', [text, media, toolResult]),
    message('assistant', [text, reasoning, refusal, toolCall]),
    message('tool', [toolResult]),
  );
}

function arbitraryTool(options: ArbitraryOptions): Arbitrary<Tool> {
  const dialect = arbitraryDialect(options);
  const schema = fc.dictionary(
    arbitraryName(),
    fc.constantFrom<JsonObject[]>({ type: 'string' }, { type: 'integer' }),
    {
      maxKeys: 2,
      noNullPrototype: true,
    },
  );
  const functionTool: Arbitrary<Tool> = partly(
    {
      type: fc.constant('function'),
      name: arbitraryName(),
      description: arbitraryText(),
      parameters: schema.map((properties): Json => ({ type: 'object', properties })),
      strict: fc.boolean(),
      cacheMark: arbitraryCacheMark(),
      residue: residueOrNone(options),
    },
    ['type', 'name'],
  ) as Arbitrary<Tool>;
  if (!dialect) return functionTool;
  const providerTool = partly(
    { type: fc.constant('provider'), dialect, name: arbitraryName(), value: arbitraryJsonObject() },
    ['type', 'dialect', 'value'],
  ) as Arbitrary<Tool>;
  return fc.oneof({ weight: 3, arbitrary: functionTool }, { weight: 1, arbitrary: providerTool });
}

function arbitraryToolChoice(options: ArbitraryOptions): Arbitrary<ToolChoice> {
  const residue = residueOrNone(options);
  const dialect = arbitraryDialect(options);
  const simple = partly({ type: fc.constantFrom('auto', 'none', 'required'), residue }, [
    'type',
  ]) as Arbitrary<ToolChoice>;
  const named = partly({ type: fc.constant('tool'), name: arbitraryName(), residue }, [
    'type',
    'name',
  ]) as Arbitrary<ToolChoice>;
  if (!dialect) return fc.oneof(simple, named);
  return fc.oneof(simple, named, fc.record({ type: fc.constant('opaque'), dialect, value: arbitraryJsonObject() }));
}

function arbitraryResponseFormat(options: ArbitraryOptions): Arbitrary<ResponseFormat> {
  const residue = residueOrNone(options);
  const dialect = arbitraryDialect(options);
  const simple = partly({ type: fc.constantFrom('text', 'json'), residue }, ['type']) as Arbitrary<ResponseFormat>;
  const schema = partly(
    {
      type: fc.constant('json-schema'),
      schema: arbitraryJsonObject(),
      name: arbitraryName(),
      description: arbitraryText(),
      strict: fc.boolean(),
      residue,
    },
    ['type', 'schema'],
  ) as Arbitrary<ResponseFormat>;
  if (!dialect) return fc.oneof(simple, schema);
  return fc.oneof(simple, schema, fc.record({ type: fc.constant('opaque'), dialect, value: arbitraryJsonObject() }));
}

/** A request with any messages its roles allow, tools, choices, formats, sampling and residue. */
export function arbitraryRequest(options: ArbitraryOptions = {}): Arbitrary<CanonRequest> {
  const share = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
  const sampling = partly<Sampling, never>(
    {
      temperature: share,
      topP: share,
      topK: fc.nat(100),
      minP: share,
      frequencyPenalty: share,
      presencePenalty: share,
      seed: fc.nat(),
    },
    [],
  );
  const reasoning = partly<ReasoningRequest, never>(
    {
      effort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'max'),
      budgetTokens: fc.integer({ min: 1024, max: 32_000 }),
      mode: fc.constantFrom('on', 'off', 'adaptive'),
      residue: residueOrNone(options),
    },
    [],
  );
  return partly<CanonRequest, 'model' | 'messages' | 'sampling'>(
    {
      model: arbitraryName(),
      messages: fc.array(arbitraryMessage(options), { minLength: 1, maxLength: 5 }),
      tools: fc.array(arbitraryTool(options), { minLength: 1, maxLength: 3 }),
      toolChoice: arbitraryToolChoice(options),
      parallelToolCalls: fc.boolean(),
      responseFormat: arbitraryResponseFormat(options),
      sampling,
      maxOutputTokens: fc.integer({ min: 1, max: 100_000 }),
      stop: fc.array(arbitraryName(), { minLength: 1, maxLength: 4 }),
      n: fc.integer({ min: 1, max: 3 }),
      logprobs: partly<{ enabled?: boolean; top?: number }, never>({ enabled: fc.boolean(), top: fc.nat(20) }, []),
      reasoning,
      stream: fc.boolean(),
      streamUsage: fc.boolean(),
      userId: arbitraryName(),
      metadata: arbitraryJsonObject(),
      serviceTier: fc.constantFrom('auto', 'default', 'priority'),
      cacheMark: arbitraryCacheMark(),
      residue: residueOrNone(options),
    },
    ['model', 'messages', 'sampling'],
  );
}
