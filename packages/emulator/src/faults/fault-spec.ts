/**
 * Ways an upstream can go wrong. `after` counts steps of the body (events of a stream) sent before it happens;
 * it is clamped to what there is. Text form: see {@link import('./parse-fault.ts').parseFaults}.
 */
export type FaultSpec =
  /** An error answer in the dialect's shape. `retryAfterSec`, or `retryDateSec` for an HTTP date that far ahead. */
  | { kind: 'status'; code: number; retryAfterSec?: number; retryDateSec?: number; message?: string }
  /** A proxy's HTML page. */
  | { kind: 'html'; code: number }
  /** The connection is reset before any byte of an answer. */
  | { kind: 'reset' }
  | { kind: 'slow-first-byte'; ms: number }
  /** Silence after `after` steps: for `ms`, or for ever when absent. */
  | { kind: 'stall'; after: number; ms?: number }
  /** The body ends as HTTP demands, but in the middle of the answer: no `[DONE]`, no `message_stop`. */
  | { kind: 'cut-clean'; after: number }
  /** FIN in mid-body, last HTTP chunk missing. */
  | { kind: 'cut-close'; after: number }
  /** RST in mid-body. */
  | { kind: 'cut-reset'; after: number }
  /** `content-length` promises `missing` bytes more than come before the connection closes. */
  | { kind: 'short-length'; missing: number }
  /** A data line whose JSON breaks off; for a whole body, the body breaks off. */
  | { kind: 'garbage-json'; after: number }
  | { kind: 'garbage-binary'; after: number }
  /** An unknown event and a comment: harmless, to be passed over. */
  | { kind: 'garbage-event'; after: number }
  /** Status 200 whose JSON body is an error. */
  | { kind: 'error-body'; code: number }
  /** An error event inside the stream, after which the stream ends without its end mark. */
  | { kind: 'error-event'; after: number; code: number }
  | { kind: 'empty-body' }
  /** A proper answer without choices (or content). */
  | { kind: 'empty-choices' }
  /** The event that ends the answer (finish reason) is sent twice. */
  | { kind: 'duplicate-final' }
  | { kind: 'headers-many'; count: number }
  | { kind: 'headers-huge'; bytes: number }
  /** The body in pieces of `bytes`, `ms` apart. */
  | { kind: 'trickle'; bytes: number; ms: number };

export type FaultKind = FaultSpec['kind'];
