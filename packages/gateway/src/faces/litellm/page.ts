import { AdminFault } from '../../admin/admin-fault.ts';

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly page: number;
  readonly size: number;
  readonly pages: number;
}

/** One page of a list, numbered from 1. @throws AdminFault `body_invalid` */
export function pageOf<T>(
  items: readonly T[],
  query: Readonly<Record<string, string>>,
  { sizeField = 'size', size: sizeDefault = 10, sizeMax = 500 } = {},
): Page<T> {
  const page = wholeNumber(query, 'page', 1, Number.MAX_SAFE_INTEGER);
  const size = wholeNumber(query, sizeField, sizeDefault, sizeMax);
  const from = (page - 1) * size;
  return {
    items: items.slice(from, from + size),
    total: items.length,
    page,
    size,
    pages: Math.ceil(items.length / size),
  };
}

function wholeNumber(query: Readonly<Record<string, string>>, field: string, fallback: number, most: number): number {
  const text = query[field];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new AdminFault('body_invalid', { param: field, message: `${field} must be a whole number from 1 to ${most}.` });
}

export function isTrue(text: string | undefined): boolean {
  return text?.toLowerCase() === 'true';
}

/** The sorting a request asks for, applied; by creation when it asks for none. @throws AdminFault `body_invalid` */
export function sorted<T>(
  items: readonly T[],
  query: Readonly<Record<string, string>>,
  fields: Readonly<Record<string, (item: T) => string | number>>,
): T[] {
  const { sort_by, sort_order = 'asc' } = query;
  if (!sort_by) return [...items];
  const by = fields[sort_by];
  if (by === undefined || !/^(asc|desc)$/.test(sort_order)) {
    throw new AdminFault('body_invalid', {
      param: by === undefined ? 'sort_by' : 'sort_order',
      message: `sort_by may be ${Object.keys(fields).join(', ')}, sort_order asc or desc.`,
    });
  }
  const sign = sort_order === 'asc' ? 1 : -1;
  return [...items].sort((a, b) => {
    const [left, right] = [by(a), by(b)];
    return left === right ? 0 : left < right ? -sign : sign;
  });
}
