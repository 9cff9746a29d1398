import { AdminFault } from './admin-fault.ts';

interface Addressed {
  readonly method: string;
  /** With at most one `{id}`. */
  readonly path: string;
}

/**
 * What answers a method at a path, and what stands for `{id}` there.
 *
 * @param unknown What is said of a path that nothing answers.
 * @throws AdminFault `route_unknown`, `method_not_allowed`
 */
export function findOperation<T extends Addressed>(
  operations: readonly T[],
  { method, path }: Addressed,
  unknown: { message: string; hint?: string },
): { operation: T; id: string } {
  const fitting = operations.flatMap((operation) => {
    const id = idIn(path, operation.path);
    return id === undefined ? [] : [{ operation, id }];
  });
  const found = fitting.find(({ operation }) => operation.method === method);
  if (found !== undefined) return found;
  if (fitting.length === 0) throw new AdminFault('route_unknown', unknown);
  const methods = fitting.map(({ operation }) => operation.method).join(', ');
  throw new AdminFault('method_not_allowed', { message: `This path answers ${methods}, not ${method}.` });
}

/** What stands for `{id}`; empty when the template has none; undefined when the path does not fit. */
function idIn(path: string, template: string): string | undefined {
  const parts = path.split('/');
  const wanted = template.split('/');
  if (parts.length !== wanted.length) return undefined;
  let id = '';
  for (const [at, part] of parts.entries()) {
    if (wanted[at] === '{id}') id = decoded(part);
    else if (wanted[at] !== part) return undefined;
  }
  return template.includes('{id}') && id === '' ? undefined : id;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return ''; // Not valid percent-encoding: no such path.
  }
}
