import type { BenchDialect } from './payloads.ts';

/** Everything that can be measured, in the order it is. */
export type PeerId = 'direct' | 'nginx' | 'b' | 'turnpike' | 'portkey';

/** One way through a peer: the client's dialect and the upstream's. Different ones mean translation. */
export interface Lane {
  /** `turnpike`, or `turnpike messages→chat`: the name in tables and JSON. */
  readonly id: string;
  readonly peer: PeerId;
  readonly client: BenchDialect;
  readonly upstream: BenchDialect;
}

/** What the upstream answers: first segment of its path, see upstream.ts. */
export interface Load {
  readonly id: string;
  readonly upstreamKind: string;
  /** Model name that a gateway's configuration maps to this kind of answer. */
  readonly model: string;
  /** Pieces of text of a streamed answer; undefined for one JSON reply. */
  readonly pieces: number | undefined;
  /** Size of the request body, about. */
  readonly requestBytes: number;
}

/** One measure: a load at a concurrency, over some lanes. */
export interface Measure {
  readonly id: MeasureId;
  readonly title: string;
  readonly load: Load;
  readonly concurrency: number;
  readonly lanes: 'raw' | 'all';
  /** In a quick run only the raw lanes take part. */
  readonly isRawWhenQuick?: boolean;
  /** Is the upstream itself measured too, to subtract it? */
  readonly withDirect: boolean;
}

export type MeasureId = 'small' | 'latency' | 'rps' | '100k' | '1m' | 'ttft' | 'burst' | 'paced';

const RAW: { client: BenchDialect; upstream: BenchDialect } = { client: 'openai-chat', upstream: 'openai-chat' };

const LANES: readonly Lane[] = [
  { id: 'direct', peer: 'direct', ...RAW },
  { id: 'nginx', peer: 'nginx', ...RAW },
  { id: 'B', peer: 'b', ...RAW },
  { id: 'turnpike', peer: 'turnpike', ...RAW },
  { id: 'turnpike messages→chat', peer: 'turnpike', client: 'anthropic-messages', upstream: 'openai-chat' },
  { id: 'turnpike chat→messages', peer: 'turnpike', client: 'openai-chat', upstream: 'anthropic-messages' },
  { id: 'portkey', peer: 'portkey', ...RAW },
  { id: 'portkey chat→messages', peer: 'portkey', client: 'openai-chat', upstream: 'anthropic-messages' },
];

/** Events of a burst: 198 pieces and an opening, a finish and a usage make 201 in the chat dialect. */
const BURST_PIECES = 198;

const JSON_LOAD = { upstreamKind: 'json', model: 'bench-json', pieces: undefined };

export const MEASURES: readonly Measure[] = [
  {
    id: 'small',
    title: 'CPU, 350 B request and 900 B reply, 8 at once',
    load: { id: 'small', ...JSON_LOAD, requestBytes: 350 },
    concurrency: 8,
    lanes: 'all',
    withDirect: false,
  },
  {
    id: 'latency',
    title: 'added latency, one at a time',
    load: { id: 'small', ...JSON_LOAD, requestBytes: 350 },
    concurrency: 1,
    lanes: 'all',
    isRawWhenQuick: true,
    withDirect: true,
  },
  {
    id: 'rps',
    title: 'requests per second, 64 at once',
    load: { id: 'small', ...JSON_LOAD, requestBytes: 350 },
    concurrency: 64,
    lanes: 'raw',
    withDirect: true,
  },
  {
    id: '100k',
    title: 'CPU, 100 KB request, 8 at once',
    load: { id: '100k', ...JSON_LOAD, requestBytes: 100_000 },
    concurrency: 8,
    lanes: 'all',
    isRawWhenQuick: true,
    withDirect: false,
  },
  {
    id: '1m',
    title: 'CPU, 1 MB request, 8 at once',
    load: { id: '1m', ...JSON_LOAD, requestBytes: 1_000_000 },
    concurrency: 8,
    lanes: 'raw',
    withDirect: false,
  },
  {
    id: 'ttft',
    title: 'added time to first token, one stream at a time',
    load: { id: 'ttft', upstreamKind: 'paced-2-3', model: 'bench-ttft', pieces: 3, requestBytes: 350 },
    concurrency: 1,
    lanes: 'all',
    withDirect: true,
  },
  {
    id: 'burst',
    title: `streams of ${BURST_PIECES} pieces in a burst, 8 at once`,
    load: {
      id: 'burst',
      upstreamKind: `burst-${BURST_PIECES}`,
      model: 'bench-burst',
      pieces: BURST_PIECES,
      requestBytes: 350,
    },
    concurrency: 8,
    lanes: 'all',
    withDirect: false,
  },
];

/** Streams held open for the paced measure, and the time between two pieces of each. */
export const PACED_STREAMS = 600;
export const PACED_INTERVAL_MS = 50;

/** The paced load for streams that last `durationMs`. */
export function pacedLoad(durationMs: number): Load {
  const pieces = Math.round(durationMs / PACED_INTERVAL_MS);
  const upstreamKind = `paced-${PACED_INTERVAL_MS}-${pieces}`;
  return { id: 'paced', upstreamKind, model: 'bench-paced', pieces, requestBytes: 350 };
}

/** The lanes of a run: in a quick one, Portkey's translation is left out. */
export function lanesOf(isQuick: boolean): readonly Lane[] {
  return isQuick ? LANES.filter(({ peer, client, upstream }) => peer !== 'portkey' || client === upstream) : LANES;
}

/** The model name for a load on an upstream of the given dialect, for gateways that route by model. */
export function modelName(load: Load, upstream: BenchDialect): string {
  return upstream === 'openai-chat' ? load.model : `${load.model}-claude`;
}
