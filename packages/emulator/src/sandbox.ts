import { startRawServer } from './http/raw-server.ts';
import { bodyObject, receive } from './received.ts';
import { pacePlan } from './render/render-turn.ts';
import { answerAsSandbox } from './sandbox/answer-request.ts';

export interface SandboxOptions {
  /** Default 0: any free port. */
  port?: number;
  /** Default `127.0.0.1`. */
  hostname?: string;
  /** Wait between the words of a stream, in milliseconds. Default: none. */
  paceMs?: number;
}

export interface Sandbox {
  /** `http://host:port`; OpenAI chat at `/v1/chat/completions`, Anthropic at `/v1/messages`, under any prefix. */
  url: string;
  port: number;
  stop(): Promise<void>;
}

/**
 * Starts a provider that needs no key and no network: it answers every request itself and says so in its text.
 * Holds no state but a request counter. @throws when the port is taken.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const hostname = options.hostname ?? '127.0.0.1';
  let serial = 0;
  const server = await startRawServer({
    hostname,
    port: options.port ?? 0,
    handler(raw) {
      const request = receive(raw, ++serial);
      const { plan } = answerAsSandbox(request, bodyObject(request));
      if (options.paceMs) pacePlan(plan, options.paceMs);
      return { plan, onSent() {}, onOver() {} };
    },
  });
  return { url: `http://${hostname}:${server.port}`, port: server.port, stop: () => server.stop() };
}
