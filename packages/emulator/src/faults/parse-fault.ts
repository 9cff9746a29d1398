import type { FaultKind, FaultSpec } from './fault-spec.ts';

/** The parameters each fault knows, in order, with their defaults. `undefined`: no default, left out. */
const PARAMETERS: Record<FaultKind, Record<string, number | string | undefined>> = {
  status: { code: 500, retryAfterSec: undefined, retryDateSec: undefined, message: undefined },
  html: { code: 502 },
  reset: {},
  'slow-first-byte': { ms: 1000 },
  stall: { after: 2, ms: undefined },
  'cut-clean': { after: 2 },
  'cut-close': { after: 2 },
  'cut-reset': { after: 2 },
  'short-length': { missing: 10 },
  'garbage-json': { after: 2 },
  'garbage-binary': { after: 2 },
  'garbage-event': { after: 2 },
  'error-body': { code: 500 },
  'error-event': { after: 2, code: 529 },
  'empty-body': {},
  'empty-choices': {},
  'duplicate-final': {},
  'headers-many': { count: 5000 },
  'headers-huge': { bytes: 1 << 20 },
  trickle: { bytes: 1, ms: 10 },
};

export class FaultSyntaxError extends Error {}

/**
 * Reads the text form: `name`, `name,parameter=value,…`, several joined by `+`.
 * A bare value is the first parameter: `status,429` is `status,code=429`; `stall,3` stalls after three steps.
 * @throws FaultSyntaxError naming what is not understood and what would be.
 */
export function parseFaults(text: string): FaultSpec[] {
  return text
    .split('+')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseFault);
}

function parseFault(text: string): FaultSpec {
  const [kind = '', ...settings] = text.split(',').map((word) => word.trim());
  if (!isKind(kind)) {
    throw new FaultSyntaxError(`Unknown fault "${kind}". Known: ${Object.keys(PARAMETERS).join(', ')}.`);
  }
  const known = PARAMETERS[kind];
  const names = Object.keys(known);
  const spec: Record<string, number | string | undefined> = { ...known };
  settings.forEach((setting, at) => {
    const equals = setting.indexOf('=');
    const name = equals < 0 ? names[at] : setting.slice(0, equals);
    if (name === undefined || !names.includes(name)) {
      throw new FaultSyntaxError(
        `Fault "${kind}" has no parameter "${setting}". It has: ${names.join(', ') || 'none'}.`,
      );
    }
    spec[name] = readValue(kind, name, setting.slice(equals + 1));
  });
  return { kind, ...spec } as FaultSpec;
}

function readValue(kind: string, name: string, text: string): number | string {
  if (name === 'message') return text;
  const value = Number(text);
  if (text === '' || !(value >= 0)) throw new FaultSyntaxError(`Fault "${kind}": "${name}" is no number: "${text}".`);
  return value;
}

function isKind(text: string): text is FaultKind {
  return Object.hasOwn(PARAMETERS, text);
}

/** One line per fault, for `--help`. */
export function describeFaults(): string {
  return Object.entries(PARAMETERS)
    .map(([kind, known]) => {
      const settings = Object.entries(known).map(([name, value]) => (value === undefined ? name : `${name}=${value}`));
      return `  ${[kind, ...settings].join(',')}`;
    })
    .join('\n');
}
