import type { Loss } from './canon/loss.ts';
import type { CanonRequest } from './canon/request.ts';
import type { DialectId } from './canon/residue.ts';
import type { CanonResponse, Finish } from './canon/response.ts';
import type { StreamEvent } from './canon/stream.ts';
import type { Usage } from './canon/usage.ts';
import type { Fault } from './fault.ts';
import type { SseEvent } from './framing/sse.ts';
import type { JsonObject } from './json/value.ts';
import type { Quirks } from './quirks.ts';

/**
 * One wire vocabulary, in both directions: the same codec serves clients (as a face) and calls providers.
 *
 * `read…` is wire → canon, `write…` is canon → wire. Readers are tolerant of the world's news (unknown fields become
 * residue, unknown blocks opaque parts) and throw a {@link Fault} (`body_invalid`, with the field's path) only where a
 * value has a type that cannot be understood. Writers never throw for what the target cannot say: they report a `Loss`.
 */
export interface Dialect {
  readonly id: DialectId;

  /** @throws Fault `body_invalid` naming the field. */
  readRequest(body: JsonObject): CanonRequest;
  writeRequest(request: CanonRequest, options: WriteRequestOptions): WrittenRequest;

  /** Reads a whole response: the fold of what its parts would have streamed. @throws Fault `upstream_garbled`. */
  readResponse(body: JsonObject, options: ReadResponseOptions): CanonResponse;
  writeResponse(response: CanonResponse, options: WriteResponseOptions): { body: JsonObject; losses: Loss[] };

  /** A reader for one stream. Stateful; not shared between streams. */
  streamReader(options: ReadResponseOptions): StreamReader;
  streamWriter(options: WriteResponseOptions): StreamWriter;
  /** An observer for one stream that stays in this dialect: reads usage and finish from bytes in passing. */
  streamTap(options: TapOptions): StreamTap;

  /**
   * Reads usage, finish and model of a whole response without parsing more than needed.
   * @returns undefined when the bytes are not a response of this dialect.
   */
  tapResponse(bytes: Uint8Array): ResponseTap | undefined;

  /** Reads a provider's error. Never throws: a body that is no JSON (an HTML page of a proxy) gives a fault too. */
  readFault(status: number, headers: Headers, body: Uint8Array): Fault;
  /** Renders a fault as this dialect's error body. */
  writeFault(fault: Fault): JsonObject;
  /** Renders a fault as the end of a running stream: SSE text, ready to send. */
  writeStreamFault(fault: Fault): string;
}

export interface WriteRequestOptions {
  /** The name the provider knows the model by; replaces `request.model`. */
  model: string;
  /** What this provider does otherwise than the dialect's norm. */
  quirks: Quirks;
}

export interface WrittenRequest {
  body: JsonObject;
  losses: Loss[];
  /** Tool names that had to be shortened, sent name → the caller's name. Handed to the reader of the response. */
  toolNames?: ReadonlyMap<string, string>;
}

export interface ReadResponseOptions {
  /** From {@link WrittenRequest.toolNames}: names are restored while reading. */
  toolNames?: ReadonlyMap<string, string>;
  quirks: Quirks;
}

export interface WriteResponseOptions {
  /** The model name to show, when the gateway presents another than the provider's. Absent: the provider's. */
  model?: string;
  /** Used where the dialect demands an id or a time and the provider gave none. */
  fallbackId: string;
  nowSec: number;
  /** Did the client ask for usage in the stream? Dialects that always send it ignore this. */
  streamUsage?: boolean;
  /**
   * Does the client know tools only as the `functions` of old, which are called one at a time by `function_call`? For
   * calls that come from another dialect.
   */
  legacyFunctions?: boolean;
}

export interface StreamReader {
  /** Canon events of one SSE event. @throws Fault `upstream_garbled` when the data is not this dialect's JSON. */
  read(event: SseEvent): StreamEvent[];
  /**
   * To be called once when the upstream closes. Closes open parts if the provider said it was done;
   * if it did not, the last event is a `fault` `upstream_cut_short`.
   */
  end(): StreamEvent[];
}

export interface StreamWriter {
  /** SSE text for one canon event; empty when the dialect says nothing yet. */
  write(event: StreamEvent): string;
  /** Losses met so far. */
  readonly losses: Loss[];
}

export interface TapOptions {
  /**
   * Take the usage report out of the stream again: the gateway asked the provider for it, the client did not.
   */
  stripUsage?: boolean;
}

/** What passed through a tap so far. */
export interface StreamTap {
  /**
   * Observes a chunk and returns the bytes to pass on: whole events only, so the same array when it ends with one and
   * nothing is taken out. An event that nobody could read, and all that follows, is held back: see `fault`.
   */
  push(chunk: Uint8Array): Uint8Array;
  /** To be called once after the last chunk: a last event whose blank line is missing. A torn one is held back. */
  flush(): Uint8Array;
  readonly usage: Usage | undefined;
  /** The first choice's finish. */
  readonly finish: Finish | undefined;
  /** The provider's id of the response, as soon as seen. */
  readonly responseId: string | undefined;
  /** True once the provider said it was done (`[DONE]`, `message_stop`). */
  readonly ended: boolean;
  /** An error the provider sent inside the stream; `upstream_garbled` when an event could not be read. */
  readonly fault: Fault | undefined;
  /** Events that carried content: the basis for an estimate when a stream is cut before its usage. */
  readonly contentEvents: number;
}

export interface ResponseTap {
  usage: Usage | undefined;
  finish: Finish | undefined;
  responseId: string | undefined;
}
