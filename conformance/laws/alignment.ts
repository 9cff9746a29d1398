import { covers, type Loss } from '@turnpike/wire/canon/loss.ts';
import { type Difference, differences, uncovered } from './difference.ts';

/** One element of a sequence whose order matters, with the place it stood at. */
export interface Item {
  path: string;
  /** Items of different kinds are never the same thing. */
  kind: string;
  value: unknown;
}

/**
 * The unaccounted differences between two sequences, under the pairing that leaves fewest.
 *
 * Places alone do not pair items: an item left out (with a loss) moves all later ones. An item may be
 * - paired with one of its kind; each field that differs needs a loss;
 * - left out, or said as up to three others (`changed`), when a loss covers it whole;
 * - new, when a loss of kind `added` speaks of this sequence, when it is an item that a loss says was moved, or when a
 *   loss says of an earlier item of the same turn that it was changed (an image of a tool's result, now said after it).
 */
export function alignItems(before: readonly Item[], after: readonly Item[], losses: readonly Loss[]): Difference[] {
  let start = 0;
  while (start < Math.min(before.length, after.length) && isSame(before[start], after[start])) start++;
  if (start > 0) start--; // What is new may have to do with the item before it.
  let end = 0;
  const rest = () => Math.min(before.length, after.length) - start;
  while (end < rest() && isSame(before[before.length - 1 - end], after[after.length - 1 - end])) end++;
  const from = before.slice(start, before.length - end);
  const to = after.slice(start, after.length - end);
  return new Alignment(from, to, losses).best(0, 0).open;
}

interface Verdict {
  /** Differences no loss accounts for. */
  open: Difference[];
  /** Differences with a loss: among equals, the pairing with fewer is the truer one. */
  excused: number;
}

const NOTHING: Verdict = { open: [], excused: 0 };
const REPLACED_BY_MAX = 3;

class Alignment {
  private readonly known = new Map<number, Verdict>();

  constructor(
    private readonly before: readonly Item[],
    private readonly after: readonly Item[],
    private readonly losses: readonly Loss[],
  ) {}

  best(i: number, j: number): Verdict {
    if (i === this.before.length && j === this.after.length) return NOTHING;
    const key = i * (this.after.length + 1) + j;
    const known = this.known.get(key);
    if (known) return known;
    const found = [...this.choices(i, j)].reduce((a, b) => (isBetter(b, a) ? b : a));
    this.known.set(key, found);
    return found;
  }

  private *choices(i: number, j: number): Generator<Verdict> {
    const was = this.before[i];
    const is = this.after[j];
    if (was !== undefined && is !== undefined && was.kind === is.kind) {
      const found = differences(was.path, was.value, is.value);
      const open = uncovered(found, this.losses);
      yield join({ open, excused: found.length - open.length }, this.best(i + 1, j + 1));
    }
    if (was !== undefined) {
      yield join(this.leaveOut(was), this.best(i + 1, j));
      if (this.isChanged(was)) {
        for (let many = 1; many <= REPLACED_BY_MAX && j + many <= this.after.length; many++) {
          yield join({ open: [], excused: 1 }, this.best(i + 1, j + many));
        }
      }
    }
    if (is !== undefined) yield join(this.add(is, i), this.best(i, j + 1));
  }

  private leaveOut(was: Item): Verdict {
    if (covers(this.losses, was.path) || this.isChanged(was)) return { open: [], excused: 1 };
    // Field by field for what is only a bundle of fields, without content of its own; content as a whole.
    const { type, text } = was.value as { type?: string; text?: string };
    if (was.kind === ENVELOPE || text === '') {
      const found = differences(was.path, was.value, { type, text });
      const open = uncovered(found, this.losses);
      return { open, excused: found.length - open.length };
    }
    return { open: [{ path: was.path, was: was.value, is: undefined }], excused: 0 };
  }

  private add(is: Item, i: number): Verdict {
    const isSpokenOf = this.losses.some((loss) => loss.kind === 'added' && rootOf(loss.path) === rootOf(is.path));
    const isMoved = this.before.some((was) => covers(this.losses, was.path) && isSame(core(was), core(is)));
    const previous = this.before[i - 1];
    const isTold = this.turnBefore(i).some(
      (was) => this.isChanged(was) || this.losses.some((loss) => isInside(loss, was.path)),
    );
    if (isSpokenOf || isMoved || isTold) return { open: [], excused: 1 };
    const path = this.before[i]?.path ?? previous?.path ?? is.path;
    return { open: [{ path: `${path} (beside it)`, was: undefined, is: is.value }], excused: 0 };
  }

  /** The items before place `i` up to the last one of another speaker. */
  private turnBefore(i: number): Item[] {
    const isUsers = (item: Item) => /^(user|result)/.test(item.kind);
    const start = this.before.slice(0, i).findLastIndex((item) => !isUsers(item));
    return this.before.slice(Math.max(start, 0), i);
  }

  /** May it now be something else altogether? A change of its `type`, or of who says it, says so as well. */
  private isChanged(was: Item): boolean {
    const changes = this.losses.filter((loss) => loss.kind === 'changed');
    const role = was.path.replace(/\.parts\[.*/, '.role');
    return covers(changes, was.path) || changes.some((loss) => loss.path === `${was.path}.type` || loss.path === role);
  }
}

function isInside(loss: Loss, path: string): boolean {
  return loss.kind === 'changed' && (loss.path.startsWith(`${path}.`) || loss.path.startsWith(`${path}[`));
}

/** A kind for what belongs to a message but is no content. */
export const ENVELOPE = 'envelope';

function join(a: Verdict, b: Verdict): Verdict {
  if (a === NOTHING) return b;
  return { open: a.open.length === 0 ? b.open : [...a.open, ...b.open], excused: a.excused + b.excused };
}

function isBetter(a: Verdict, b: Verdict): boolean {
  return a.open.length < b.open.length || (a.open.length === b.open.length && a.excused < b.excused);
}

function isSame(a: Item | undefined, b: Item | undefined): boolean {
  return a !== undefined && b !== undefined && a.kind === b.kind && differences('', a.value, b.value).length === 0;
}

/** What makes an item itself: what is carried beside it may have been lost on the way, with losses of its own. */
function core({ path, kind, value }: Item): Item {
  const { residue: _beside, citations: _also, cacheMark: _too, ...own } = value as Record<string, unknown>;
  return { path, kind, value: own };
}

function rootOf(path: string): string {
  return path.split(/[.[]/, 1)[0] ?? path;
}
