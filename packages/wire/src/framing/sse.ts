/** One event of a `text/event-stream`, fields joined and unescaped as the standard says. */
export interface SseEvent {
  /** The `event:` field; absent when the event had none. */
  event?: string;
  /** All `data:` lines joined by a line feed. */
  data: string;
  id?: string;
}
