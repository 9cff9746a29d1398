import { afterAll } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returned by a case that has nothing of the kind: neither counted nor left out. */
export const NOT_CONCERNED = Symbol('not concerned');

type Outcome =
  | { id: string; verdict: 'passed'; why?: string }
  | { id: string; verdict: 'failed' | 'left out'; why: string };

/** What a passing case has to say for the report: a loss each, for instance. */
export class Remarks {
  constructor(readonly lines: readonly string[]) {}
}

/**
 * Counts what a law or matrix ran over, so that a green line also says what it did not cover.
 * Totals go to stdout when the file is done; with `TURNPIKE_REPORT=1` (or `--report`) each case goes to
 * `conformance/report/<title>.md`.
 */
export class Tally {
  private readonly outcomes: Outcome[] = [];

  constructor(readonly title: string) {
    afterAll(() => this.print());
  }

  /**
   * Runs one case; what it throws is its failure. A text it returns says why there was nothing to check;
   * {@link NOT_CONCERNED} that the case has nothing of the kind.
   */
  run(id: string, body: () => unknown): void {
    try {
      this.note(id, body());
    } catch (error) {
      this.fail(id, error);
    }
  }

  /** As {@link run}, for cases that wait. */
  async runAsync(id: string, body: () => Promise<unknown>): Promise<void> {
    try {
      this.note(id, await body());
    } catch (error) {
      this.fail(id, error);
    }
  }

  private note(id: string, outcome: unknown): void {
    if (outcome === NOT_CONCERNED) return;
    if (typeof outcome === 'string') this.leaveOut(id, outcome);
    else if (outcome instanceof Remarks) this.outcomes.push({ id, verdict: 'passed', why: outcome.lines.join('\n') });
    else this.outcomes.push({ id, verdict: 'passed' });
  }

  leaveOut(id: string, why: string): void {
    this.outcomes.push({ id, verdict: 'left out', why });
  }

  private fail(id: string, error: unknown): void {
    this.outcomes.push({ id, verdict: 'failed', why: error instanceof Error ? error.message : String(error) });
  }

  /** @throws when a case failed, naming the first ones; or when nothing ran at all. */
  expectAllPassed(): void {
    const failed = this.outcomes.flatMap((outcome) => (outcome.verdict === 'failed' ? [outcome] : []));
    if (failed.length > 0) {
      const shown = failed
        .slice(0, FAILURES_SHOWN)
        .map(({ id, why }) => `  ${id}\n    ${why.slice(0, WHY_CHARS_SHOWN)}`);
      const more = failed.length > shown.length ? `\n  and ${failed.length - shown.length} more` : '';
      throw new Error(`${this.title}: ${failed.length} of ${this.outcomes.length} failed\n${shown.join('\n')}${more}`);
    }
  }

  private print(): void {
    const count = (verdict: Outcome['verdict']) => this.outcomes.filter((one) => one.verdict === verdict).length;
    const reasons = new Map<string, number>();
    for (const one of this.outcomes) {
      if (one.verdict === 'left out') reasons.set(one.why, (reasons.get(one.why) ?? 0) + 1);
    }
    const leftOut = [...reasons].map(([why, times]) => `${times} ${why}`).join('; ');
    console.log(
      `${this.title}: ${count('passed')} passed, ${count('failed')} failed, ${count('left out')} left out${leftOut && ` (${leftOut})`}`,
    );
    if (process.env.TURNPIKE_REPORT || process.argv.includes('--report')) this.writeReport();
  }

  private writeReport(): void {
    const folder = join(import.meta.dir, 'report');
    mkdirSync(folder, { recursive: true });
    const line = (one: Outcome) => `| ${one.id} | ${one.verdict} | ${cell(one.why ?? '')} |`;
    const table = ['| case | verdict | why |', '|---|---|---|', ...this.outcomes.map(line)];
    const name = this.title.replaceAll(/[^\w]+/g, '-').toLowerCase();
    writeFileSync(join(folder, `${name}.md`), `# ${this.title}\n\n${table.join('\n')}\n`);
  }
}

const FAILURES_SHOWN = 12;
const WHY_CHARS_SHOWN = 1200;

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', '<br>').slice(0, 4000);
}
