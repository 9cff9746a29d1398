import type { Services } from '../pipeline/services.ts';
import { monotonicMs } from '../runtime/clock.ts';
import { StartError } from '../start-error.ts';
import { serve } from './serve.ts';

/** Seconds a connection may be silent outside an exchange: between requests, or while sending one. Bun's limit is 255. */
const IDLE_TIMEOUT_SEC = 120;

/**
 * Bodies are bounded by `server.bodyBytesMax`, whose refusal speaks the client's dialect. Bun's own bound would answer
 * with an empty 413 before that, so it is set out of the way.
 */
const BUN_BODY_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** Bun tells how many answers are on their way, but not when the last one is gone. */
const PENDING_LOOK_MS = 2;

export interface Listener {
  readonly url: string;
  readonly port: number;
  /** Accepts no more connections. Resolves when those there are have ended. */
  close(): Promise<void>;
  /** Resolves when every answer has been handed to its connection whole, or after `limitMs`. */
  written(limitMs: number): Promise<void>;
  /** Ends connections that are still there. */
  cut(): void;
}

export interface Address {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** `first` of several processes on one port, or to `join` those that are there. Absent: nobody else may have it. */
  shared?: 'first' | 'join' | undefined;
}

/** Listens for HTTP. @throws StartError when the address cannot be had. */
export function listen(services: () => Services, address: Address): Listener {
  try {
    if (address.shared === 'first') requireFree(address);
    const server = Bun.serve({
      hostname: address.host,
      port: address.port,
      reusePort: address.shared !== undefined,
      idleTimeout: IDLE_TIMEOUT_SEC,
      maxRequestBodySize: BUN_BODY_BYTES_MAX,
      development: false,
      fetch: (request, bun) =>
        serve(services(), request, {
          holdOpen: () => bun.timeout(request, 0),
          address: () => bun.requestIP(request)?.address,
        }),
    });
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    return {
      url: `http://${host}:${server.port}`,
      port: server.port ?? address.port,
      close: () => server.stop(false),
      written: async (limitMs) => {
        const giveUpAtMs = monotonicMs() + limitMs;
        while (server.pendingRequests > 0 && monotonicMs() < giveUpAtMs) await Bun.sleep(PENDING_LOOK_MS);
      },
      cut: () => void server.stop(true),
    };
  } catch (error) {
    throw new StartError(
      `Cannot listen on ${address.host}:${address.port}: ${error instanceof Error ? error.message : String(error)}. Choose another with --port.`,
    );
  }
}

/** Anybody may join a port that is shared, also one that has nothing to do with us: so it is had alone once. */
function requireFree({ host, port }: Address): void {
  if (port !== 0) void Bun.serve({ hostname: host, port, fetch: () => new Response() }).stop(true);
}
