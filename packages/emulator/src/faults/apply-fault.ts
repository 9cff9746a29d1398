import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import { bodyOfPlan, isEventStream, jsonPlan, type Step, textStep, type WirePlan } from '../http/wire-plan.ts';
import { errorBody, errorEvent, errorPlan, requestIdHeader } from '../render/error-body.ts';
import type { FaultKind, FaultSpec } from './fault-spec.ts';

export interface FaultContext {
  dialect: DialectId;
  requestId: string;
  nowMs: number;
}

type Edit<K extends FaultKind> = (
  plan: WirePlan,
  spec: Extract<FaultSpec, { kind: K }>,
  context: FaultContext,
) => WirePlan;

/** The plan, spoilt as `spec` says. The plan given is not changed. */
export function applyFault(plan: WirePlan, spec: FaultSpec, context: FaultContext): WirePlan {
  const edit = EDITS[spec.kind] as (plan: WirePlan, spec: FaultSpec, context: FaultContext) => WirePlan;
  return edit(plan, spec, context);
}

const EDITS: { [K in FaultKind]: Edit<K> } = {
  status: (_plan, spec, { dialect, requestId, nowMs }) => {
    const date = spec.retryDateSec === undefined ? undefined : new Date(nowMs + spec.retryDateSec * 1000).toUTCString();
    return errorPlan(dialect, spec.code, requestId, {
      message: spec.message,
      retryAfter: spec.retryAfterSec === undefined ? date : String(spec.retryAfterSec),
    });
  },
  html: (_plan, spec) => ({
    status: spec.code,
    headers: [['content-type', 'text/html']],
    framing: 'length',
    steps: [textStep(`<html><head><title>${spec.code}</title></head><body><h1>${spec.code}</h1></body></html>\r\n`)],
    end: 'clean',
  }),
  reset: (plan) => ({ ...plan, silent: true, end: 'reset' }),
  'slow-first-byte': (plan, { ms }) => ({ ...plan, headDelayMs: (plan.headDelayMs ?? 0) + ms }),
  stall: (plan, { after, ms }) => {
    const [before, rest] = splitAt(plan, after);
    if (ms === undefined) return { ...plan, steps: before, end: 'hang', ...keepLength(plan) };
    const [next, ...others] = rest;
    if (next === undefined) return { ...plan, steps: [...before, { bytes: new Uint8Array(0), waitMs: ms }] };
    return { ...plan, steps: [...before, { ...next, waitMs: (next.waitMs ?? 0) + ms }, ...others] };
  },
  'cut-clean': (plan, { after }) => ({ ...plan, steps: splitAt(plan, after)[0] }),
  'cut-close': (plan, { after }) => ({ ...plan, steps: splitAt(plan, after)[0], end: 'close', ...keepLength(plan) }),
  'cut-reset': (plan, { after }) => ({ ...plan, steps: splitAt(plan, after)[0], end: 'reset', ...keepLength(plan) }),
  'short-length': (plan, { missing }) => ({
    ...plan,
    framing: 'length',
    declaredLength: bodyOfPlan(plan).length + missing,
    end: 'close',
  }),
  'garbage-json': (plan, { after }) =>
    isEventStream(plan) ? insert(plan, after, 'data: {"choices":[{"delta":{"content": oops\n\n') : breakOff(plan),
  'garbage-binary': (plan, { after }) => {
    const [before, rest] = splitAt(plan, after);
    return { ...plan, steps: [...before, { bytes: JUNK }, ...rest] };
  },
  'garbage-event': (plan, { after }) =>
    insert(plan, after, ': a comment\n\nevent: x_emulated_news\ndata: {"type":"x_emulated_news","value":1}\n\n'),
  'error-body': (_plan, spec, { dialect, requestId }) =>
    jsonPlan(200, errorBody(dialect, spec.code, requestId), [requestIdHeader(dialect, requestId)]),
  'error-event': (plan, { after, code }, { dialect, requestId }) => ({
    ...plan,
    steps: [...splitAt(plan, after)[0], textStep(errorEvent(dialect, code, requestId))],
  }),
  'empty-body': (plan) => ({ ...plan, steps: [] }),
  'empty-choices': (plan) => (isEventStream(plan) ? emptyStream(plan) : emptyWhole(plan)),
  'duplicate-final': (plan) => ({
    ...plan,
    steps: plan.steps.flatMap((step) => (isFinal(step) ? [step, step] : [step])),
  }),
  'headers-many': (plan, { count }) => {
    const flood = Array.from({ length: count }, (_, at): [string, string] => [`x-flood-${at}`, `value ${at}`]);
    return { ...plan, headers: [...plan.headers, ...flood] };
  },
  'headers-huge': (plan, { bytes }) => ({ ...plan, headers: [...plan.headers, ['x-huge', 'x'.repeat(bytes)]] }),
  trickle: (plan, { bytes, ms }) => ({ ...plan, steps: trickle(plan, Math.max(1, bytes), ms) }),
};

/** Bytes that are neither UTF-8 nor SSE: every value above 127, NUL and a lone carriage return among them. */
const JUNK = Uint8Array.from({ length: 140 }, (_, at) => (at < 128 ? 255 - at : at % 2 === 0 ? 0 : 13));

/** A whole body is one step: it is cut in half when a fault is to strike within. */
function splitAt(plan: WirePlan, after: number): [Step[], Step[]] {
  const [only] = plan.steps;
  if (isEventStream(plan) || plan.steps.length !== 1 || only === undefined) {
    return [plan.steps.slice(0, after), plan.steps.slice(after)];
  }
  const middle = after === 0 ? 0 : only.bytes.length >> 1;
  return [[{ ...only, bytes: only.bytes.subarray(0, middle) }], [{ bytes: only.bytes.subarray(middle) }]];
}

/** A body that announces its length keeps announcing it when less is sent. */
function keepLength(plan: WirePlan): Partial<WirePlan> {
  return plan.framing === 'length' ? { declaredLength: plan.declaredLength ?? bodyOfPlan(plan).length } : {};
}

function insert(plan: WirePlan, after: number, text: string): WirePlan {
  if (!isEventStream(plan)) return plan;
  const [before, rest] = splitAt(plan, after);
  return { ...plan, steps: [...before, textStep(text), ...rest] };
}

function breakOff(plan: WirePlan): WirePlan {
  const body = bodyOfPlan(plan);
  return { ...plan, steps: [{ bytes: body.subarray(0, body.length - 2) }] };
}

function emptyStream(plan: WirePlan): WirePlan {
  return { ...plan, steps: plan.steps.filter((step) => /\[DONE\]|"message_(start|stop)"/.test(textOfStep(step))) };
}

function emptyWhole(plan: WirePlan): WirePlan {
  const body: Json = JSON.parse(new TextDecoder().decode(bodyOfPlan(plan)));
  const emptied: JsonObject = isObject(body) ? { ...body } : {};
  for (const name of ['choices', 'content']) if (Array.isArray(emptied[name])) emptied[name] = [];
  return { ...plan, steps: [textStep(JSON.stringify(emptied))] };
}

function isFinal(step: Step): boolean {
  return /"finish_reason":\s?"|"type":\s?"message_delta"/.test(textOfStep(step));
}

function textOfStep(step: Step): string {
  return new TextDecoder().decode(step.bytes);
}

function trickle(plan: WirePlan, bytes: number, ms: number): Step[] {
  const steps: Step[] = [];
  for (const step of plan.steps) {
    for (let at = 0; at < step.bytes.length; at += bytes) {
      const waitMs = (at === 0 ? (step.waitMs ?? 0) : 0) + ms;
      steps.push({ bytes: step.bytes.subarray(at, at + bytes), waitMs });
    }
  }
  return steps;
}
