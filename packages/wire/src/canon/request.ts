import type { Json, JsonObject } from '../json/value.ts';
import type { CacheMark, Part } from './part.ts';
import type { DialectId, Residue } from './residue.ts';

/** A generation request in neutral words. Absent fields were absent on the wire: the canon fills in no defaults. */
export interface CanonRequest {
  model: string;
  /** In the order of the conversation. System instructions stand where they stood. */
  messages: Message[];
  tools?: Tool[];
  toolChoice?: ToolChoice;
  /** May the model call several tools in one turn? */
  parallelToolCalls?: boolean;
  responseFormat?: ResponseFormat;
  sampling: Sampling;
  /** Upper bound of generated tokens, reasoning included. */
  maxOutputTokens?: number;
  stop?: string[];
  /** How many choices to generate. */
  n?: number;
  logprobs?: { enabled?: boolean; top?: number };
  reasoning?: ReasoningRequest;
  stream?: boolean;
  /** Does the client want usage at the end of a stream? (Dialects that always send it leave this absent.) */
  streamUsage?: boolean;
  /** An identifier of the caller's end user. */
  userId?: string;
  /** Free key/value pairs the client attached. */
  metadata?: JsonObject;
  serviceTier?: string;
  /** A cache mark on the whole request (Anthropic's automatic caching). */
  cacheMark?: CacheMark;
  residue?: Residue;
}

export interface Message {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool';
  parts: Part[];
  /** A participant's name (OpenAI `name`). */
  name?: string;
  /** A cache mark on the message as a whole, in dialects that allow it there. */
  cacheMark?: CacheMark;
  residue?: Residue;
}

export type Tool = FunctionTool | ProviderTool;

export interface FunctionTool {
  type: 'function';
  name: string;
  description?: string;
  /** JSON Schema of the arguments, untouched. Absent: the tool takes none. */
  parameters?: Json;
  strict?: boolean;
  cacheMark?: CacheMark;
  residue?: Residue;
}

/** A tool the provider runs or defines (web search, code execution, computer use…). Known only to its own dialect. */
export interface ProviderTool {
  type: 'provider';
  dialect: DialectId;
  /** The name calls of this tool will carry, when it has one. */
  name?: string;
  value: JsonObject;
}

export type ToolChoice =
  | { type: 'auto'; residue?: Residue }
  | { type: 'none'; residue?: Residue }
  | { type: 'required'; residue?: Residue }
  | { type: 'tool'; name: string; residue?: Residue }
  /** A choice the canon has no word for (OpenAI `allowed_tools`, …). */
  | { type: 'opaque'; dialect: DialectId; value: Json };

export type ResponseFormat =
  | { type: 'text'; residue?: Residue }
  | { type: 'json'; residue?: Residue }
  | {
      type: 'json-schema';
      schema: Json;
      name?: string;
      description?: string;
      strict?: boolean;
      residue?: Residue;
    }
  | { type: 'opaque'; dialect: DialectId; value: Json };

export interface Sampling {
  temperature?: number;
  topP?: number;
  topK?: number;
  minP?: number;
  frequencyPenalty?: number;
  presencePenalty?: number;
  seed?: number;
}

export interface ReasoningRequest {
  /** `none`, `minimal`, `low`, `medium`, `high`, `max`, or a provider's own word. */
  effort?: string;
  /** Tokens the model may spend on reasoning. */
  budgetTokens?: number;
  /** Whether to reason: on, off, or as the model sees fit. */
  mode?: 'on' | 'off' | 'adaptive';
  residue?: Residue;
}
