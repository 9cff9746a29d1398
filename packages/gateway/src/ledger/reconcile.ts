/** What a provider's export tells of a day and a model, or the ledger does. Tokens as in `Usage`: totals, and parts of them. */
export const figureNames = [
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'costNanoUsd',
] as const;
export type FigureName = (typeof figureNames)[number];
export type Figures = Readonly<Partial<Record<FigureName, bigint>>>;

export interface UsageLine {
  /** `2026-11-01`, in UTC. */
  readonly date: string;
  /** Undefined: of all models of the day together. */
  readonly model: string | undefined;
  readonly figures: Figures;
}

/** Differences up to these are none. */
export interface Tolerance {
  /** Of the provider's figure, in millionths of a percent. */
  readonly percentMillionths: bigint;
  /** Of a day and model, whatever the percentage. */
  readonly costNanoUsd: bigint;
}

export interface ComparedLine {
  readonly date: string;
  readonly model: string | undefined;
  readonly provider: Readonly<Record<FigureName, bigint>>;
  readonly ledger: Readonly<Record<FigureName, bigint>>;
  /** The figures that differ by more than the tolerance. */
  readonly differing: readonly FigureName[];
}

/**
 * Lays a provider's lines beside the ledger's, by day and model. A day and model that only one of the two knows is compared with
 * nothing. When no line of the provider names a model, whole days are compared.
 *
 * @param compared The figures the export has; others are not looked at.
 */
export function reconcile(
  provider: readonly UsageLine[],
  ledger: readonly UsageLine[],
  compared: readonly FigureName[],
  tolerance: Tolerance,
): ComparedLine[] {
  const isByDay = provider.every(({ model }) => model === undefined);
  const keyOf = ({ date, model }: UsageLine) => `${date} ${isByDay ? '' : modelKey(model ?? '')}`;
  const [theirs, ours] = [summed(provider, keyOf), summed(ledger, keyOf)];
  const keys = [...new Set([...theirs.keys(), ...ours.keys()])].sort();
  return keys.flatMap((key) => {
    const [their, our] = [theirs.get(key), ours.get(key)];
    const line = {
      date: key.slice(0, 10),
      // The ledger's name of it is the one that was asked for.
      model: isByDay ? undefined : (our?.model ?? their?.model ?? ''),
      provider: their?.figures ?? none,
      ledger: our?.figures ?? none,
    };
    const isNothing = compared.every((name) => line.provider[name] === 0n && line.ledger[name] === 0n);
    return isNothing ? [] : [{ ...line, differing: compared.filter((name) => differs(name, line, tolerance)) }];
  });
}

/**
 * What tells models apart here: providers name the version in their bills (`gpt-4o-2024-08-06`) where callers asked for
 * `gpt-4o`, and write `Claude Haiku 4.5` for `claude-haiku-4-5-20251001`.
 */
export function modelKey(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s._]+/g, '-')
    .replace(/[-@](\d{4}-\d{2}-\d{2}|\d{8}|latest)$/, '');
}

const none: Readonly<Record<FigureName, bigint>> = {
  inputTokens: 0n,
  outputTokens: 0n,
  cacheReadTokens: 0n,
  cacheWriteTokens: 0n,
  costNanoUsd: 0n,
};

function summed(
  lines: readonly UsageLine[],
  keyOf: (line: UsageLine) => string,
): Map<string, { model: string | undefined; figures: Record<FigureName, bigint> }> {
  const sums = new Map<string, { model: string | undefined; figures: Record<FigureName, bigint> }>();
  for (const line of lines) {
    const key = keyOf(line);
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { model: line.model, figures: { ...none } };
      sums.set(key, sum);
    }
    for (const name of figureNames) sum.figures[name] += line.figures[name] ?? 0n;
  }
  return sums;
}

function differs(
  name: FigureName,
  { provider, ledger }: Pick<ComparedLine, 'provider' | 'ledger'>,
  tolerance: Tolerance,
): boolean {
  const difference = size(provider[name] - ledger[name]);
  if (name === 'costNanoUsd' && difference <= tolerance.costNanoUsd) return false;
  return difference * 100_000_000n > size(provider[name]) * tolerance.percentMillionths;
}

function size(value: bigint): bigint {
  return value < 0n ? -value : value;
}
