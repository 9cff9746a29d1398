import { type Document, isMap, isNode, isPair, LineCounter, type Node, parseDocument } from 'yaml';
import type { Problem } from './problem.ts';

/** Configuration files are small; anything beyond this is not one. */
const fileCharsMax = 4 * 1024 * 1024;
/** Aliases may repeat parts of a document; so many expansions are an attack on memory. */
const aliasesMax = 1000;
const depthMax = 50;

/** A YAML document with the places of its values. */
export interface SourceDocument {
  file: string;
  value: unknown;
  /** Line and column of the value at a path, or of what is nearest around it; of the key itself when `key` is given. */
  locate(path: readonly PropertyKey[], key?: string): { line: number; column: number };
}

/**
 * @param yamlVersion LiteLLM's files are read by a YAML 1.1 reader (`yes` is true, `<<` merges).
 */
export function parseSource(
  text: string,
  file: string,
  yamlVersion: '1.1' | '1.2' = '1.2',
): { document: SourceDocument; problems: [] } | { document: undefined; problems: Problem[] } {
  const whole = (message: string, hint?: string) => ({
    document: undefined,
    problems: [{ file, line: 0, column: 0, path: '', message, hint }],
  });
  if (text.length > fileCharsMax)
    return whole(`the file has ${text.length} characters`, `At most ${fileCharsMax} are read.`);
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: yamlVersion, merge: true });
  if (parsed.errors.length > 0) {
    const problems = parsed.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return { file, line, column: col, path: '', message: `not valid YAML: ${withoutExcerpt(error.message)}` };
    });
    return { document: undefined, problems };
  }
  try {
    const value: unknown = parsed.toJS({ maxAliasCount: aliasesMax });
    if (depthOf(value) > depthMax)
      return whole('the document is nested too deeply', `At most ${depthMax} levels are read.`);
    return { document: { file, value, locate: locator(parsed, lines) }, problems: [] };
  } catch (error) {
    if (error instanceof ReferenceError) {
      return whole(
        'its aliases expand to too much',
        `Write repeated parts out; at most ${aliasesMax} expansions are read.`,
      );
    }
    throw error;
  }
}

/** The reader's messages may end with an excerpt of the text, which may be a secret. */
function withoutExcerpt(message: string): string {
  return message.replace(/["'`:].*$/s, '').trim();
}

function depthOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > depthMax) return depth;
  let deepest = depth;
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child, depth + 1));
  return deepest;
}

function locator(parsed: Document.Parsed, lines: LineCounter): SourceDocument['locate'] {
  const place = (node: Node | null | undefined) => {
    const offset = node?.range?.[0];
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const nodeAt = (path: readonly PropertyKey[]): Node | undefined => {
    const found: unknown = path.length === 0 ? parsed.contents : parsed.getIn([...path], true);
    return isNode(found) ? found : undefined;
  };
  const keyAt = (path: readonly PropertyKey[], key: PropertyKey): Node | undefined => {
    const map = nodeAt(path);
    if (!isMap(map)) return undefined;
    const pair = map.items.find((item) => isPair(item) && String(item.key) === String(key));
    return isNode(pair?.key) ? pair.key : undefined;
  };
  return (path, key) => {
    if (key !== undefined) {
      const found = place(keyAt(path, key));
      if (found !== undefined) return found;
    }
    for (let length = path.length; length >= 0; length--) {
      const outer = path.slice(0, length);
      const last = outer.at(-1);
      const found = place(nodeAt(outer)) ?? (last === undefined ? undefined : place(keyAt(outer.slice(0, -1), last)));
      if (found !== undefined) return found;
    }
    return { line: 1, column: 1 };
  };
}
