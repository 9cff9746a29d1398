import { Fault } from '@turnpike/wire/fault.ts';
import { fieldBoolean, fieldString, scanJsonObject } from '@turnpike/wire/json/lens.ts';
import type { Body, Exchange } from '../exchange.ts';
import type { Alarm, Alarms } from '../runtime/alarm.ts';
import { monotonicMs } from '../runtime/clock.ts';

/** How long a body may take to arrive. A client that dribbles must not hold a place for ever. */
const BODY_MS_MAX = 60_000;
const NOTHING = new Uint8Array(0);

/**
 * Reads the client's body and looks at it through the lens: JSON syntax, nesting, duplicate keys, and the few fields
 * the gateway itself goes by.
 *
 * @throws Fault `body_too_large`, `body_timeout`, `body_malformed`, `body_ambiguous`, `body_too_deep` or `body_invalid`.
 */
export async function readBody(exchange: Exchange, alarms: Alarms): Promise<Body> {
  const bytes = await inTime(bodyBytes(exchange.request, exchange.snapshot.server.bodyBytesMax), alarms);
  if (bytes.length === 0) {
    throw new Fault('body_malformed', { message: 'The body is empty; a JSON object was expected.' });
  }
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Fault(lens.code, { message: lens.message });

  const modelField = lens.fields.get('model');
  const model = fieldString(bytes, modelField);
  if (model === undefined || model === '') {
    throw new Fault('body_invalid', {
      param: 'model',
      message:
        modelField === undefined ? 'model is missing; name the model to use.' : 'model must be a non-empty string.',
    });
  }
  const streamField = lens.fields.get('stream');
  const isStream = fieldBoolean(bytes, streamField);
  if (streamField !== undefined && isStream === undefined && !isNull(bytes, streamField.start)) {
    throw new Fault('body_invalid', { param: 'stream', message: 'stream must be true or false.' });
  }
  return { bytes, lens, model, isStream: isStream === true };
}

/** One promise of ours for both ends: a race would make three. */
function inTime(bytes: Promise<Uint8Array>, alarms: Alarms): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const late = () =>
      reject(new Fault('body_timeout', { message: `The body did not arrive within ${BODY_MS_MAX / 1000} s.` }));
    const alarm: Alarm = { dueAtMs: monotonicMs() + BODY_MS_MAX, ring: late };
    alarms.add(alarm);
    bytes.then(
      (whole) => {
        alarms.remove(alarm);
        resolve(whole);
      },
      (error: unknown) => {
        alarms.remove(alarm);
        // Reading fails only when the client breaks off.
        reject(error instanceof Fault ? error : new Fault('client_gone', { cause: error }));
      },
    );
  });
}

function bodyBytes(request: Request, bytesMax: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared === null) return request.body === null ? Promise.resolve(NOTHING) : counted(request.body, bytesMax);
  return Number(declared) > bytesMax ? Promise.reject(tooLarge(bytesMax)) : request.bytes();
}

/** A chunked body, whose length is known only by counting. */
async function counted(body: ReadableStream<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, total);
    total += value.length;
    if (total > bytesMax) {
      await reader.cancel();
      throw tooLarge(bytesMax);
    }
    chunks.push(value);
  }
}

function tooLarge(bytesMax: number): Fault {
  return new Fault('body_too_large', {
    message: `The body is larger than ${bytesMax} bytes (server.bodyBytesMax in turnpike.yaml).`,
  });
}

function isNull(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x6e; // n
}
