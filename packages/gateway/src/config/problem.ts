/** Something wrong in a configuration file. Never holds a value that could be a secret. */
export interface Problem {
  file: string;
  /** From 1; 0 when the problem concerns the file as a whole. */
  line: number;
  column: number;
  /** Where in the document: `models[2].endpoints[0].price`. Empty for the document as a whole. */
  path: string;
  message: string;
  /** What to do about it. */
  hint?: string;
}

/** `turnpike.yaml:3:5: server.prot: unknown key. Did you mean "port"?` */
export function renderProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.hint === undefined ? '' : ` ${problem.hint}`;
  return `${place}: ${path}${problem.message}.${hint}`;
}

/** A path as people write it: `models[2].name`. */
export function renderPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text;
}
