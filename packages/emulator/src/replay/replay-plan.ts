import { readFile } from 'node:fs/promises';
import type { WirePlan } from '../http/wire-plan.ts';
import type { RecordedCase } from './corpus.ts';
import { stepsByEvent } from './split.ts';

/** The recorded answer as a plan: one step per event in streams, one step otherwise. */
export async function replayPlan(recorded: RecordedCase): Promise<WirePlan> {
  const bytes = new Uint8Array(await readFile(recorded.responseFile));
  const events = recorded.responseFile.endsWith('.sse');
  const headers = [...recorded.responseHeaders];
  if (!headers.some(([name]) => name.toLowerCase() === 'content-type')) {
    headers.unshift(['content-type', events ? 'text/event-stream' : 'application/json']);
  }
  return {
    status: recorded.status,
    headers,
    framing: events ? 'chunked' : 'length',
    steps: events ? stepsByEvent(bytes) : [{ bytes }],
    end: 'clean',
  };
}
