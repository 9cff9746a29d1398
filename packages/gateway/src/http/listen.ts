import type { Services } from '../pipeline/services.ts';
import { StartError } from '../start-error.ts';
import { serve } from './serve.ts';

/** Seconds a connection may be silent outside an exchange: between requests, or while sending one. Bun's limit is 255. */
const IDLE_TIMEOUT_SEC = 120;

/**
 * Bodies are bounded by `server.bodyBytesMax`, whose refusal speaks the client's dialect. Bun's own bound would answer
 * with an empty 413 before that, so it is set out of the way.
 */
const BUN_BODY_BYTES_MAX = Number.MAX_SAFE_INTEGER;

export interface Listener {
  readonly url: string;
  readonly port: number;
  /** Accepts no more connections. Resolves when those there are have ended. */
  close(): Promise<void>;
  /** Ends connections that are still there. */
  cut(): void;
}

/** Listens for HTTP. @throws StartError when the address cannot be had. */
export function listen(services: () => Services, address: { host: string; port: number }): Listener {
  try {
    const server = Bun.serve({
      hostname: address.host,
      port: address.port,
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
      cut: () => void server.stop(true),
    };
  } catch (error) {
    throw new StartError(
      `Cannot listen on ${address.host}:${address.port}: ${error instanceof Error ? error.message : String(error)}. Choose another with --port.`,
    );
  }
}
