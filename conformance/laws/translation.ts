import { fold } from '@turnpike/wire/canon/fold.ts';
import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { CanonRequest } from '@turnpike/wire/canon/request.ts';
import type { CanonResponse } from '@turnpike/wire/canon/response.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { bytesOf, readStream, writeOptions, writeStream } from '../trip.ts';
import type { Difference } from './difference.ts';
import { requestDifferences, responseDifferences } from './equivalence.ts';

/** A way through another dialect: what it reported as lost, and what differs. */
export interface Trip {
  losses: readonly Loss[];
  /** What stays open when only these losses are admitted. */
  open: (losses: readonly Loss[]) => Difference[];
}

export function requestTrip(source: CanonRequest, target: Dialect): Trip {
  const written = target.writeRequest(source, { model: source.model, quirks: {} });
  const names = written.toolNames;
  const after = target.readRequest(written.body);
  const restored = names === undefined ? after : restoreNames(after, names);
  return { losses: written.losses, open: (losses) => requestDifferences(source, restored, losses) };
}

export function responseTrip(source: CanonResponse, target: Dialect): Trip {
  const written = target.writeResponse(source, writeOptions);
  const after = target.readResponse(written.body, { quirks: {} });
  return { losses: written.losses, open: (losses) => responseDifferences(source, after, losses) };
}

export function streamTrip(from: Dialect, target: Dialect, bytes: Uint8Array): Trip {
  const events = readStream(from, [bytes]);
  const written = writeStream(target, events);
  const after = fold(readStream(target, [bytesOf(written.text)]));
  // A stream that broke off ends in a fault on both sides; its totals were still to come.
  const isWhole = events.at(-1)?.type === 'response-end';
  const before = fold(events);
  const source = isWhole ? before : { ...before, usage: after.usage };
  return { losses: written.losses, open: (losses) => responseDifferences(source, after, losses) };
}

/** Shortened tool names come with a map that restores them: with the map, nothing differs. */
function restoreNames(request: CanonRequest, names: ReadonlyMap<string, string>): CanonRequest {
  return JSON.parse(JSON.stringify(request), (key, value) => (key === 'name' ? (names.get(value) ?? value) : value));
}
