/** Where the text of a delta begins: behind the opening quote of a key that holds what the model produced. */
const holePattern = /"(?:content|reasoning_content|reasoning|arguments|refusal|text|data)":\s?"/;
/** Padding that OpenAI adds to each chunk. */
const PADDING = '"obfuscation":"';
const CHARS_MAX = 4096;

/**
 * What the events of a stream have in common: everything but the text in one place, and padding in another. An event of
 * a shape seen before need not be searched again: as long as no quote stands in the text, nothing else can be said in it.
 */
export class EventShape {
  private constructor(
    private readonly head: string,
    /** From the end of the text to the padding; undefined when there is none. */
    private readonly middle: string | undefined,
    private readonly tail: string,
  ) {}

  /** The shape of one event; undefined when it has no place for text that ends its object or is followed by a comma. */
  static of(event: string): EventShape | undefined {
    const found = event.length <= CHARS_MAX && event.startsWith('data:') ? holePattern.exec(event) : null;
    if (found === null) return undefined;
    const hole = found.index + found[0].length;
    const end = event.indexOf('"', hole);
    if (!isEnd(event, end)) return undefined;
    const head = event.slice(0, hole);
    const padding = event.indexOf(PADDING, end);
    if (padding < 0) return new EventShape(head, undefined, event.slice(end));
    const paddingEnd = event.indexOf('"', padding + PADDING.length);
    if (!isEnd(event, paddingEnd)) return undefined;
    return new EventShape(head, event.slice(end, padding + PADDING.length), event.slice(paddingEnd));
  }

  /** Is this an event of the same shape, with text in it? */
  fits(event: string): boolean {
    const { head, middle, tail } = this;
    if (!event.startsWith(head)) return false;
    let end = event.indexOf('"', head.length);
    if (end <= head.length) return false;
    if (middle !== undefined) {
      if (!event.startsWith(middle, end)) return false;
      end = event.indexOf('"', end + middle.length);
    }
    return event.length - end === tail.length && event.endsWith(tail);
  }
}

/** Behind the quote at `at` no colon may follow: then the text could be taken for a key. */
function isEnd(event: string, at: number): boolean {
  const next = at < 0 ? 0 : event.charCodeAt(at + 1);
  return next === 0x7d || next === 0x2c;
}
