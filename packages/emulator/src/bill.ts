import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { joinBytes } from './http/wire-plan.ts';
import { type ReportedUsage, readSent } from './read-sent.ts';

/** What one request was served, as a provider's own books would have it. */
export interface BillEntry {
  /** The `id` of the request in `emulator.requests`. */
  requestId: number;
  dialect: DialectId;
  status: number;
  stream: boolean;
  /** As the answer named it, else as asked for. */
  model: string;
  /** The provider's id of the response, when sent. */
  responseId: string | undefined;
  /** Usage that stood in bytes handed to the kernel; undefined when none did. */
  usage: ReportedUsage | undefined;
  /** What the whole answer is worth, reported or not, sent or not: what a provider bills for a stream the client left. */
  plannedUsage: ReportedUsage | undefined;
  text: string;
  reasoningText: string;
  argumentsText: string;
  /** Writes of body bytes, and how many bytes. */
  chunksSent: number;
  bytesSent: number;
  /** Complete events with data sent (1 for a whole body). */
  eventsSent: number;
  /** Did the client get the end mark (`[DONE]`, `message_stop`, a whole JSON body)? */
  complete: boolean;
  /** `running` until over; `finished`: to the plan's clean end; `cut`: ended otherwise by a fault; `client-closed`. */
  ended: 'running' | 'finished' | 'cut' | 'client-closed';
}

/** Follows the bytes of one answer. */
export class BillMeter {
  readonly entry: BillEntry;
  #sent: Uint8Array[] = [];

  constructor(start: Pick<BillEntry, 'requestId' | 'dialect' | 'status' | 'stream' | 'model' | 'plannedUsage'>) {
    this.entry = {
      ...start,
      responseId: undefined,
      usage: undefined,
      text: '',
      reasoningText: '',
      argumentsText: '',
      chunksSent: 0,
      bytesSent: 0,
      eventsSent: 0,
      complete: false,
      ended: 'running',
    };
  }

  add(bytes: Uint8Array): void {
    this.#sent.push(bytes);
    this.entry.chunksSent++;
    this.entry.bytesSent += bytes.length;
  }

  close(ended: BillEntry['ended']): void {
    const { entry } = this;
    const content = readSent(entry.dialect, entry.stream, joinBytes(this.#sent));
    this.#sent = [];
    entry.ended = ended;
    entry.usage = content.usage;
    entry.text = content.text;
    entry.reasoningText = content.reasoningText;
    entry.argumentsText = content.argumentsText;
    entry.eventsSent = content.events;
    entry.complete = content.complete;
    entry.model = content.model ?? entry.model;
    entry.responseId = content.responseId;
  }
}

/** Sums of a bill, to be compared with a ledger. Only entries that reported usage count. */
export function sumBill(bill: readonly BillEntry[]): ReportedUsage & { entries: number } {
  const sum = {
    entries: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
  };
  for (const { usage } of bill) {
    if (usage === undefined) continue;
    sum.entries++;
    sum.inputTokens += usage.inputTokens;
    sum.outputTokens += usage.outputTokens;
    sum.cacheReadTokens += usage.cacheReadTokens;
    sum.cacheWriteTokens += usage.cacheWriteTokens;
    sum.reasoningTokens += usage.reasoningTokens;
  }
  return sum;
}
