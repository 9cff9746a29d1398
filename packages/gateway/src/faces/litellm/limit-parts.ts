import type { LevelLimitEntry } from '../../config/rule-schemas.ts';
import type { EntityBody } from '../../identity/entity.ts';

/** The limits of an entity by what LiteLLM calls them: each a number per minute, but for those under way at once. */
export interface LimitParts {
  rpm: number | undefined;
  tpm: number | undefined;
  parallel: number | undefined;
  modelRpm: Map<string, number>;
  modelTpm: Map<string, number>;
  tagRpm: Map<string, number>;
  /** What LiteLLM has no word for; kept as it is. */
  others: LevelLimitEntry[];
}

const minutes: ReadonlySet<string | undefined> = new Set(['minute', '1m', '60s']);

export function limitPartsOf({ limits = [] }: EntityBody): LimitParts {
  const parts: LimitParts = {
    rpm: undefined,
    tpm: undefined,
    parallel: undefined,
    modelRpm: new Map(),
    modelTpm: new Map(),
    tagRpm: new Map(),
    others: [],
  };
  for (const entry of limits) for (const single of singles(entry)) if (!taken(parts, single)) parts.others.push(single);
  return parts;
}

export function limitsOf(parts: LimitParts): LevelLimitEntry[] {
  const per = 'minute';
  const limits: LevelLimitEntry[] = [];
  if (parts.rpm !== undefined) limits.push({ requests: parts.rpm, per });
  if (parts.tpm !== undefined) limits.push({ tokens: parts.tpm, per });
  if (parts.parallel !== undefined) limits.push({ concurrency: parts.parallel });
  for (const [model, requests] of parts.modelRpm) limits.push({ requests, per, model });
  for (const [model, tokens] of parts.modelTpm) limits.push({ tokens, per, model });
  for (const [tag, requests] of parts.tagRpm) limits.push({ requests, per, tag });
  return [...limits, ...parts.others];
}

/** One entry may limit several things. */
function singles({ requests, tokens, inputTokens, outputTokens, concurrency, per, ...about }: LevelLimitEntry) {
  const counted: LevelLimitEntry[] = [];
  const window = per === undefined ? {} : { per };
  if (requests !== undefined) counted.push({ requests, ...window, ...about });
  if (tokens !== undefined) counted.push({ tokens, ...window, ...about });
  if (inputTokens !== undefined) counted.push({ inputTokens, ...window, ...about });
  if (outputTokens !== undefined) counted.push({ outputTokens, ...window, ...about });
  if (concurrency !== undefined) counted.push({ concurrency, ...about });
  return counted;
}

/** Takes the limit where LiteLLM has a word for it that is still free. */
function taken(parts: LimitParts, entry: LevelLimitEntry): boolean {
  const { requests, tokens, concurrency, per, model, tag, endUser, provider, each = [] } = entry;
  if (endUser !== undefined || provider !== undefined || each.length > 0) return false;
  if (model !== undefined && tag !== undefined) return false;
  if (concurrency !== undefined) {
    if (model !== undefined || tag !== undefined || parts.parallel !== undefined) return false;
    parts.parallel = concurrency;
    return true;
  }
  if (!minutes.has(per)) return false;
  if (requests !== undefined) {
    if (model !== undefined) return added(parts.modelRpm, model, requests);
    if (tag !== undefined) return added(parts.tagRpm, tag, requests);
    if (parts.rpm !== undefined) return false;
    parts.rpm = requests;
    return true;
  }
  if (tokens === undefined || tag !== undefined) return false;
  if (model !== undefined) return added(parts.modelTpm, model, tokens);
  if (parts.tpm !== undefined) return false;
  parts.tpm = tokens;
  return true;
}

function added(counts: Map<string, number>, id: string, count: number): boolean {
  if (counts.has(id)) return false;
  counts.set(id, count);
  return true;
}
