import type { JsonObject } from '../json/value.ts';
import { type DialectId, isFormNote, type Residue } from './residue.ts';

/** Something the target dialect, or this provider, cannot express as it was said. Nothing else may differ. */
export interface Loss {
  /**
   * Where, in canon words: `messages[2].parts[0].cacheMark`, `tools[1].strict`, `choices[0].parts[3]`,
   * `residue.openai-chat.logit_bias`. A loss covers its path and everything below.
   */
  path: string;
  /** `dropped`: left out. `changed`: said otherwise, meaning nearly kept. `added`: the target demanded a value. */
  kind: 'dropped' | 'changed' | 'added';
  /** Why, in one clause a reader of the log understands. */
  reason: string;
}

/**
 * Reports every residue field of another dialect than `target` as dropped.
 *
 * @param path Path of the node that carries the residue; empty for the root.
 */
export function loseResidue(losses: Loss[], path: string, residue: Residue | undefined, target: DialectId): void {
  if (residue === undefined) return;
  for (const dialect of Object.keys(residue) as DialectId[]) {
    if (dialect === target) continue;
    for (const name of Object.keys(residue[dialect] as JsonObject)) {
      if (isFormNote(name)) continue;
      const at = path === '' ? `residue.${dialect}.${name}` : `${path}.residue.${dialect}.${name}`;
      losses.push({ path: at, kind: 'dropped', reason: `${name} has no counterpart in ${target}` });
    }
  }
}

/** Does a list of losses account for a difference at `path`? */
export function covers(losses: readonly Loss[], path: string): boolean {
  return losses.some(
    (loss) => path === loss.path || path.startsWith(`${loss.path}.`) || path.startsWith(`${loss.path}[`),
  );
}
