import type { Json, JsonObject } from '../json/value.ts';
import type { Part } from './part.ts';
import type { Residue } from './residue.ts';
import type { Usage } from './usage.ts';

/** A finished answer: the fold of its stream. */
export interface CanonResponse {
  /** The provider's own id of the response; empty when it gave none. */
  id: string;
  /** The model that answered, in the provider's words. */
  model: string;
  /** Unix time in seconds at which the provider says it made this. */
  createdSec?: number;
  choices: Choice[];
  usage?: Usage;
  serviceTier?: string;
  residue?: Residue;
}

export interface Choice {
  index: number;
  parts: Part[];
  /** Absent when the provider never said why it stopped. */
  finish?: Finish;
  logprobs?: Logprobs;
  residue?: Residue;
}

export interface Finish {
  unified: UnifiedFinish;
  /** The provider's own word. */
  raw: string;
  /** The stop sequence that ended generation, when one did and the provider says which. */
  stopSequence?: string;
  /** More about why, as the dialect writes it (Anthropic `stop_details`, …). */
  residue?: Residue;
}

export type UnifiedFinish =
  | 'stop'
  | 'length'
  | 'tool-calls'
  | 'content-filter'
  | 'refusal'
  /** A long turn was paused by the provider and can be continued by sending it back. */
  | 'pause'
  | 'context-exceeded'
  | 'error'
  | 'other';

/** Token log probabilities in OpenAI's shape, the only one in use: lists of `{token, logprob, bytes, top_logprobs}`. */
export interface Logprobs {
  content?: Json[] | null;
  refusal?: Json[] | null;
  /** Other fields beside the two. */
  rest?: JsonObject;
}
