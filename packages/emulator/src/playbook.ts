import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { type BillEntry, BillMeter } from './bill.ts';
import { chooseAnswer } from './choose-answer.ts';
import { applyFault } from './faults/apply-fault.ts';
import type { FaultSpec } from './faults/fault-spec.ts';
import { parseFaults } from './faults/parse-fault.ts';
import type { Handled } from './http/raw-server.ts';
import type { RawRequest } from './http/request-parser.ts';
import { bodyOfPlan, isEventStream, type WirePlan } from './http/wire-plan.ts';
import type { EmulatorOptions, FaultOptions, ScriptOptions } from './options.ts';
import { type ReportedUsage, readSent, reportedUsage } from './read-sent.ts';
import { bodyObject, keyOf, type ReceivedRequest, receive } from './received.ts';
import { pacePlan, type Rendered } from './render/render-turn.ts';
import type { CaseIndex } from './replay/corpus.ts';
import { resplit } from './replay/split.ts';
import type { Turn } from './turn.ts';

type Script = Required<ScriptOptions> & { turns: Turn[]; next: number };
type PendingFault = { specs: FaultSpec[]; left: number; when: (request: ReceivedRequest) => boolean };

/** What the emulator was told to do, and its books. */
export class Playbook {
  requests: ReceivedRequest[] = [];
  bill: BillEntry[] = [];
  #serial = 0;
  #scripts: Script[] = [];
  #faults: PendingFault[] = [];
  #forcedCase: string | undefined;
  #running = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(
    private readonly options: EmulatorOptions,
    private readonly cases: CaseIndex,
  ) {}

  script(turns: Turn[], { when = isGeneration, repeat = false }: ScriptOptions = {}): void {
    this.#scripts.push({ turns, when, repeat, next: 0 });
  }

  serve(caseName: string | undefined): void {
    if (caseName !== undefined && !this.cases.named(caseName)) throw new Error(`No recorded case "${caseName}".`);
    this.#forcedCase = caseName;
  }

  fault(spec: FaultSpec | FaultSpec[] | string, { times = 1, when = isGeneration }: FaultOptions = {}): void {
    this.#faults.push({ specs: readSpecs(spec), left: times, when });
  }

  reset(): void {
    this.requests = [];
    this.bill = [];
    this.#serial = 0;
    this.#scripts = [];
    this.#faults = [];
    this.#forcedCase = undefined;
  }

  async idle(timeoutMs = 5000): Promise<void> {
    if (this.#running === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error(`${this.#running} answers still run.`)), timeoutMs);
    this.#idleWaiters.push(resolve);
    await promise.finally(() => clearTimeout(timer));
  }

  async answer(raw: RawRequest, gone: AbortSignal): Promise<Handled> {
    const request = receive(raw, ++this.#serial);
    this.requests.push(request);
    if (this.requests.length > (this.options.requestsMax ?? 10_000)) this.requests.shift();
    // One signal serves all requests of a connection: each must take its listener away again.
    const onGone = () => noteClosed(request);
    gone.addEventListener('abort', onGone, { once: true });
    const forget = () => gone.removeEventListener('abort', onGone);
    try {
      const { plan, plannedUsage } = await this.#plan(request);
      return this.#follow(request, plan, plannedUsage, forget);
    } catch (error) {
      forget();
      throw error;
    }
  }

  async #plan(request: ReceivedRequest): Promise<{ plan: WirePlan; plannedUsage: ReportedUsage | undefined }> {
    const { body, faults } = splitModelFault(bodyObject(request));
    const forcedCase = request.headers.get('x-emulator-case') ?? this.#forcedCase;
    const refused = this.options.apiKey !== undefined && keyOf(request) !== this.options.apiKey;
    const turn = forcedCase === undefined && !refused ? this.#nextTurn(request) : undefined;
    const chosen = await chooseAnswer({
      request,
      body,
      refused,
      turn,
      forcedCase,
      options: this.options,
      cases: this.cases,
    });
    const specs = [
      ...readSpecs(turn?.faults ?? []),
      ...readSpecs(request.headers.get('x-emulator-fault') ?? []),
      ...faults,
      ...this.#takeFaults(request),
    ];
    const context = { dialect: request.route.dialect, requestId: `req_emulated_${request.id}`, nowMs: Date.now() };
    const spoilt = specs.reduce((plan, spec) => applyFault(plan, spec, context), chosen.plan);
    const plan = { ...spoilt, steps: this.#cut(spoilt, chosen.chunkSizes) };
    if (this.options.paceMs) pacePlan(plan, this.options.paceMs);
    return { plan, plannedUsage: plannedUsageOf(request, chosen) };
  }

  #cut(plan: WirePlan, chunkSizes: number[] | undefined) {
    return resplit(plan.steps, this.options.split ?? 'recorded', chunkSizes);
  }

  #nextTurn(request: ReceivedRequest): Turn | undefined {
    for (const script of this.#scripts) {
      if (script.next >= script.turns.length || !script.when(request)) continue;
      const turn = script.turns[script.next++];
      if (script.repeat && script.next === script.turns.length) script.next = 0;
      return turn;
    }
    return undefined;
  }

  #takeFaults(request: ReceivedRequest): FaultSpec[] {
    const fault = this.#faults.find((pending) => pending.left > 0 && pending.when(request));
    if (fault === undefined) return [];
    fault.left--;
    return fault.specs;
  }

  #follow(
    request: ReceivedRequest,
    plan: WirePlan,
    plannedUsage: ReportedUsage | undefined,
    forget: () => void,
  ): Handled {
    const model = bodyObject(request).model;
    const start = {
      requestId: request.id,
      dialect: request.route.dialect,
      status: plan.status,
      stream: isEventStream(plan),
      model: typeof model === 'string' ? model : '',
      plannedUsage,
    };
    const meter = new BillMeter(start);
    if (isGeneration(request)) {
      this.bill.push(meter.entry);
      if (this.bill.length > (this.options.billMax ?? 100_000)) this.bill.shift();
    }
    this.#running++;
    return {
      plan,
      onSent: (bytes) => meter.add(bytes),
      onOver: (outcome) => {
        if (outcome === 'client-closed') noteClosed(request);
        request.overAtMs = Date.now();
        forget();
        meter.close(outcome);
        this.#over();
      },
    };
  }

  #over(): void {
    this.#running--;
    if (this.#running === 0) for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

function isGeneration(request: ReceivedRequest): boolean {
  return request.route.operation === 'generate';
}

function noteClosed(request: ReceivedRequest): void {
  if (request.overAtMs !== undefined || request.aborted) return;
  request.aborted = true;
  request.closedAtMs = Date.now();
}

function plannedUsageOf(request: ReceivedRequest, { plan, usage }: Rendered): ReportedUsage | undefined {
  if (usage !== undefined) return reportedUsage(usage);
  return readSent(request.route.dialect, isEventStream(plan), bodyOfPlan(plan)).usage;
}

function readSpecs(spec: FaultSpec | (FaultSpec | string)[] | string): FaultSpec[] {
  if (typeof spec === 'string') return parseFaults(spec);
  const list = Array.isArray(spec) ? spec : [spec];
  return list.flatMap((one) => (typeof one === 'string' ? parseFaults(one) : [one]));
}

/** `model!stall,after=2` asks the model `model` and for a fault. */
function splitModelFault(body: JsonObject): { body: JsonObject; faults: FaultSpec[] } {
  if (typeof body.model !== 'string') return { body, faults: [] };
  const mark = body.model.indexOf('!');
  if (mark < 0) return { body, faults: [] };
  return { body: { ...body, model: body.model.slice(0, mark) }, faults: parseFaults(body.model.slice(mark + 1)) };
}
