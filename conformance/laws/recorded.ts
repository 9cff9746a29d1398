import type { StreamEvent } from '@turnpike/wire/canon/stream.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { isObject, type JsonObject } from '@turnpike/wire/json/value.ts';
import { jsonOf, type Recording } from '../corpus.ts';
import { readStream } from '../trip.ts';

/** A whole, successful answer; undefined when the recording is a stream, an error, or has none. */
export function wholeResponse(recording: Recording): JsonObject | undefined {
  if (recording.isStream || recording.meta.status >= 300 || recording.response === undefined) return undefined;
  const value = jsonOf(recording.response);
  // Some servers send an error with status 200: that is no answer, and reading it is the error law's matter.
  return isObject(value) && (value.choices !== undefined || value.content !== undefined) ? value : undefined;
}

/** The bytes of a recorded stream; undefined when the recording is none. */
export function streamBytes(recording: Recording): Uint8Array | undefined {
  return recording.isStream && recording.meta.status < 300 ? recording.response : undefined;
}

/** The events of a recorded stream; undefined when the recording is none, or the provider sent nothing but an error. */
export function startedStream(dialect: Dialect, recording: Recording): StreamEvent[] | undefined {
  const bytes = streamBytes(recording);
  const events = bytes && readStream(dialect, [bytes]);
  return events?.some((event) => event.type === 'response-start') ? events : undefined;
}

/**
 * A recorded request that is one. Undefined when none was recorded, or when it is refused here as it was refused by the
 * provider that got it.
 */
export function validRequest(dialect: Dialect, recording: Recording): JsonObject | undefined {
  const body = recording.request;
  if (body === undefined) return undefined;
  try {
    dialect.readRequest(body);
  } catch (error) {
    const { status } = recording.meta;
    if (error instanceof Fault && status >= 400 && status < 500) return undefined;
    throw error;
  }
  return body;
}
