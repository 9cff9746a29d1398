import type { Fault } from '../fault.ts';
import type { JsonObject } from '../json/value.ts';
import type { Citation, Part } from './part.ts';
import type { DialectId, Residue } from './residue.ts';
import type { Finish, Logprobs } from './response.ts';
import type { Seal } from './seal.ts';
import type { Usage } from './usage.ts';

/**
 * One step of an answer. `choice` and `part` say where: part numbers count from 0 within their choice, in order of
 * their `part-start`, and parts of one choice may interleave.
 *
 * A well-formed stream: `response-start` first; each part has one start, then deltas, then one end; each choice at
 * most one `choice-end`; `usage` any number of times (see `mergeUsage`); `response-end` last, and only when the
 * provider really said that it was done. A stream that stops without it was cut.
 */
export type StreamEvent =
  | {
      type: 'response-start';
      id: string;
      model: string;
      createdSec?: number;
      serviceTier?: string;
      residue?: Residue;
    }
  /** `value` is the part as far as known: empty text, empty arguments… Deltas add to it. */
  | { type: 'part-start'; choice: number; part: number; value: Part }
  | { type: 'part-delta'; choice: number; part: number; delta: PartDelta }
  | { type: 'part-end'; choice: number; part: number }
  | { type: 'logprobs'; choice: number; value: Logprobs }
  /** Fields of the choice or of the response that the canon has no word for; later values replace earlier ones. */
  | { type: 'choice-residue'; choice: number; residue: Residue }
  | { type: 'response-residue'; residue: Residue; serviceTier?: string }
  | { type: 'choice-end'; choice: number; finish: Finish }
  | { type: 'usage'; usage: Usage }
  /** Sent by the provider to show life (Anthropic `ping`). */
  | { type: 'ping' }
  /** A whole stream event of unknown kind. Rides through in its own dialect. */
  | { type: 'opaque'; dialect: DialectId; event?: string; value: JsonObject }
  | { type: 'fault'; fault: Fault }
  | { type: 'response-end' };

/** What a delta adds. `text` serves text, reasoning and refusal parts. */
export type PartDelta =
  | { type: 'text'; text: string }
  | { type: 'arguments'; argumentsJson: string }
  | { type: 'seal'; seal: Seal }
  | { type: 'citation'; citation: Citation }
  /** More bytes (base64) or transcript of media the model produces. */
  | { type: 'media'; data?: string; transcript?: string; residue?: Residue }
  /** More parts of a tool result. */
  | { type: 'parts'; parts: Part[] }
  /** Residue learnt late, merged into the part's own. */
  | { type: 'residue'; residue: Residue };
