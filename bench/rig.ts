import type { Child } from './child.ts';
import type { CorePlan } from './cores.ts';
import type { Expectation } from './generator.ts';
import { END_MARKER } from './payloads.ts';
import type { Lane, Load, PeerId } from './plan.ts';
import { probe } from './probe.ts';
import { coreBusyMicroseconds, cpuMicroseconds, residentBytes } from './process-account.ts';
import { requestBytes } from './request-bytes.ts';

/** A lane made ready for a load: where to send what, and what must come back. */
export interface Ready {
  readonly lane: Lane;
  readonly port: number;
  readonly request: Buffer;
  readonly expectation: Expectation;
}

/** The running processes of a bench and the accounts kept of them. */
export class Rig {
  /** Lanes through peers that run. */
  readonly lanes: readonly Lane[];
  readonly #cores: CorePlan;
  readonly #upstream: Child;
  readonly #peers: ReadonlyMap<PeerId, Child>;
  readonly #answered = new Map<PeerId, number>();
  readonly #foreign = { usedUs: 0, overUs: 0 };

  constructor(cores: CorePlan, upstream: Child, peers: ReadonlyMap<PeerId, Child>, lanes: readonly Lane[]) {
    this.lanes = lanes.filter(({ peer }) => peer === 'direct' || peers.has(peer));
    this.#cores = cores;
    this.#upstream = upstream;
    this.#peers = peers;
  }

  /** Sends one request down the lane, checks what it says, and learns what every later reply must look like. */
  async ready(lane: Lane, load: Load): Promise<Ready> {
    const { port } = this.#child(lane.peer);
    const request = requestBytes(lane, load, this.#upstream.port);
    const expectation = await probe(port, request, { dialect: lane.client, pieces: load.pieces });
    this.count(lane.peer, 1);
    return { lane, port, request, expectation };
  }

  /**
   * A lane for streams that are checked one by one: status, proper end, at least every piece. Nothing is sent yet, so a
   * process that has served nothing stays so.
   */
  readyUnprobed(lane: Lane, load: Load): Ready {
    const { port } = this.#child(lane.peer);
    const request = requestBytes(lane, load, this.#upstream.port);
    const endMark = END_MARKER[lane.client];
    return {
      lane,
      port,
      request,
      expectation: { status: 200, bodyBytes: undefined, dataEventsMin: load.pieces, endMark },
    };
  }

  /** Notes proper answers that a peer gave. */
  count(peer: PeerId, answers: number): void {
    this.#answered.set(peer, this.answered(peer) + answers);
  }

  /** Proper answers that a peer gave so far. */
  answered(peer: PeerId): number {
    return this.#answered.get(peer) ?? 0;
  }

  /** Reads of the CPU time of a peer, in µs. The process tree is looked up once. */
  cpuReader(peer: PeerId): () => number {
    const pids = this.#child(peer).pids();
    return () => cpuMicroseconds(pids);
  }

  residentBytes(peer: PeerId): number {
    return residentBytes(this.#child(peer).pids());
  }

  /** Runs `work` while counting what others used of the gateway's core. */
  async watched<T>(peer: PeerId, work: () => Promise<T>): Promise<T> {
    if (peer === 'direct') return await work();
    const cpuUs = this.cpuReader(peer);
    const before = { ours: cpuUs(), core: coreBusyMicroseconds(this.#cores.gateway), ns: Bun.nanoseconds() };
    const value = await work();
    const core = coreBusyMicroseconds(this.#cores.gateway) - before.core;
    this.#foreign.usedUs += core - (cpuUs() - before.ours);
    this.#foreign.overUs += (Bun.nanoseconds() - before.ns) / 1000;
    return value;
  }

  /** Share of the gateway's core that went to others while a peer was loaded, 0–1. */
  get foreignShare(): number {
    return this.#foreign.overUs === 0 ? 0 : Math.max(0, this.#foreign.usedUs / this.#foreign.overUs);
  }

  #child(peer: PeerId): Child {
    const child = peer === 'direct' ? this.#upstream : this.#peers.get(peer);
    if (child === undefined) throw new Error(`${peer} does not run`);
    return child;
  }
}
