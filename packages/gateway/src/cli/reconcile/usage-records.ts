import { WrongWords } from '../ledger-words.ts';
import { csvRecords } from './csv.ts';

/** One line of an export, nested fields by their paths: `amount.value`. */
export type UsageRecord = Readonly<Record<string, string>>;

/** When the time bucket of a record began: JSON reports name it once for all their results. */
export const BUCKET_START = 'bucket.start';

/**
 * The records of an export: CSV, JSON as the providers' usage and cost reports answer (one page, a list of pages, or one
 * to a line), or a JSON list of flat objects.
 *
 * @throws WrongWords naming the file when it is none of these, or stops in the middle of several pages.
 */
export function usageRecords(file: string, text: string): UsageRecord[] {
  const content = text.replace(/^\uFEFF/, '');
  if (!/^\s*[[{]/.test(content)) return csvRecords(content);
  const values = jsonValues(file, content);
  const pages = values.flatMap((value) => (Array.isArray(value) ? value : [value]));
  const last = pages.at(-1);
  if (isObject(last) && last.has_more === true) {
    throw new WrongWords(`${file} ends with a page that more follow (has_more): fetch them all into one file.`);
  }
  return pages.flatMap((page) => {
    if (!isObject(page)) throw new WrongWords(`${file} is no list of objects, and no usage report.`);
    return Array.isArray(page.data) ? page.data.flatMap(bucketRecords) : bucketRecords(page);
  });
}

function jsonValues(file: string, text: string): unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    // Not one value; perhaps one to a line.
  }
  try {
    return text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map((line) => JSON.parse(line));
  } catch (error) {
    throw new WrongWords(`${file} is no JSON: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

function bucketRecords(bucket: unknown): UsageRecord[] {
  if (!isObject(bucket)) return [];
  const { results, start_time: startTime, starting_at: startingAt } = bucket;
  if (!Array.isArray(results)) return [flat(bucket)];
  const start = startTime ?? startingAt;
  // A bucket without results is a day on which nothing was used.
  const each = results.length === 0 ? [{}] : results;
  return each.map((result) => ({ ...flat(result), ...(start !== undefined && { [BUCKET_START]: String(start) }) }));
}

function flat(value: unknown, path = ''): Record<string, string> {
  if (value === null || value === undefined) return {};
  if (!isObject(value)) return { [path]: String(value) };
  const fields = Object.entries(value).map(([name, inner]) => flat(inner, path === '' ? name : `${path}.${name}`));
  return Object.assign({}, ...fields);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
