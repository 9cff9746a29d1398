import type { JsonObject } from '../json/value.ts';
import type { DialectId, Residue } from './residue.ts';
import type { Seal } from './seal.ts';

/** A piece of content in a message or a response. */
export type Part = TextPart | ReasoningPart | RefusalPart | MediaPart | ToolCallPart | ToolResultPart | OpaquePart;

interface PartBase {
  /** Marks the end of a prompt-cache prefix. */
  cacheMark?: CacheMark;
  residue?: Residue;
}

/** @see https://docs.claude.com/en/docs/build-with-claude/prompt-caching */
export interface CacheMark {
  /** Lifetime in the provider's own words (`5m`, `1h`); absent means the provider's default. */
  ttl?: string;
}

export interface TextPart extends PartBase {
  type: 'text';
  text: string;
  citations?: Citation[];
}

/** Where a stretch of text comes from. */
export interface Citation {
  /** The address cited, when it is a web page. */
  url?: string;
  title?: string;
  citedText?: string;
  /** Bounds in the text that carries the citation, in UTF-16 units; `end` excluded. */
  start?: number;
  end?: number;
  /** The citation as the dialect wrote it: kept whole, so the same dialect gives back exactly this. */
  raw: { dialect: DialectId; value: JsonObject };
}

/** The model's reasoning. `text` is empty when only a seal was given. */
export interface ReasoningPart extends PartBase {
  type: 'reasoning';
  text: string;
  seal?: Seal;
}

export interface RefusalPart extends PartBase {
  type: 'refusal';
  text: string;
}

export interface MediaPart extends PartBase {
  type: 'media';
  kind: 'image' | 'audio' | 'video' | 'document';
  /** IANA media type, when the dialect says it. */
  mediaType?: string;
  source: MediaSource;
  filename?: string;
  /** A document's title and context, as shown to the model. */
  title?: string;
  context?: string;
  /** How closely to look at an image (OpenAI `detail`). */
  detail?: string;
  /** Spoken text of audio the model produced. */
  transcript?: string;
  /** Whether the model shall cite from this document. */
  citations?: boolean;
}

export type MediaSource =
  | { type: 'base64'; data: string }
  | { type: 'url'; url: string }
  /** A file uploaded to the provider beforehand; `id` means something only there. */
  | { type: 'file'; id: string; dialect: DialectId }
  | { type: 'text'; text: string }
  | { type: 'parts'; parts: Part[] };

export interface ToolCallPart extends PartBase {
  type: 'tool-call';
  id: string;
  name: string;
  /**
   * The arguments as JSON text, exactly as produced (possibly not valid JSON: models err). An empty string means
   * that none were given; writers whose dialect wants an object send `{}`.
   */
  argumentsJson: string;
  /** Who runs the tool: the client (a function) or the provider (a server tool such as web search). */
  ranBy: 'client' | 'provider';
  /** `custom`: free-text input (OpenAI custom tools); then `argumentsJson` is that text, not JSON. Default `function`. */
  input?: 'function' | 'custom';
}

export interface ToolResultPart extends PartBase {
  type: 'tool-result';
  callId: string;
  name?: string;
  content: Part[];
  isError?: boolean;
  ranBy: 'client' | 'provider';
}

/** A block this version has no word for. Rides through untouched in its own dialect. */
export interface OpaquePart extends PartBase {
  type: 'opaque';
  dialect: DialectId;
  value: JsonObject;
}
