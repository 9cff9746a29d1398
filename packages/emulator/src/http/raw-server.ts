import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type Played, playPlan } from './play-plan.ts';
import { type RawRequest, RequestParser, RequestSyntaxError } from './request-parser.ts';
import { jsonPlan, type WirePlan } from './wire-plan.ts';

/** One request and its answer, as the handler sees it. */
export interface Handled {
  plan: WirePlan;
  /** Body bytes that went out, step by step. */
  onSent(bytes: Uint8Array): void;
  /** Called once, when the answer is over however it ended. */
  onOver(played: Played['outcome']): void;
}

/**
 * @param request what came in.
 * @param gone aborted at the moment the client closes its connection.
 */
export type Handler = (request: RawRequest, gone: AbortSignal) => Handled | Promise<Handled>;

export interface RawServer {
  port: number;
  hostname: string;
  /** Resets every open connection and stops listening. */
  stop(): Promise<void>;
}

/** A small HTTP/1.1 server on bare sockets, so that an answer may break every rule of HTTP. */
export async function startRawServer(options: {
  hostname: string;
  port: number;
  handler: Handler;
}): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    new Connection(socket, options.handler);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.hostname, port: options.port, backlog: 4096 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { port, hostname: options.hostname, stop: () => stopServer(server, sockets) };
}

function stopServer(server: Server, sockets: Set<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}

/** Answers the requests of one connection one after the other. */
class Connection {
  readonly #gone = new AbortController();
  readonly #waiting: RawRequest[] = [];
  readonly #parser: RequestParser;
  #busy = false;

  constructor(
    private readonly socket: Socket,
    private readonly handler: Handler,
  ) {
    this.#parser = new RequestParser(() => socket.write('HTTP/1.1 100 Continue\r\n\r\n'));
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    for (const sign of ['end', 'close', 'error'] as const) socket.on(sign, () => this.#gone.abort());
  }

  #receive(bytes: Buffer): void {
    try {
      this.#waiting.push(...this.#parser.push(bytes));
    } catch (error) {
      if (!(error instanceof RequestSyntaxError)) throw error;
      this.socket.end(`HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n${error.message}`);
      return;
    }
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let request = this.#waiting.shift(); request !== undefined; request = this.#waiting.shift()) {
      if (!(await this.#answer(request))) return;
    }
    this.#busy = false;
  }

  async #answer(request: RawRequest): Promise<boolean> {
    const gone = this.#gone.signal;
    const handled = await this.#plan(request, gone);
    const lastRequest = request.version === '1.0' || wantsClose(request);
    const played = await playPlan(this.socket, handled.plan, { gone, lastRequest, onSent: handled.onSent });
    handled.onOver(played.outcome);
    return played.reusable;
  }

  async #plan(request: RawRequest, gone: AbortSignal): Promise<Handled> {
    try {
      return await this.handler(request, gone);
    } catch (error) {
      // A mistake in a script must be seen by the test that made it, not only in a log.
      const plan = jsonPlan(500, {
        error: { message: `The emulator failed: ${String(error)}`, type: 'emulator_error' },
      });
      return { plan, onSent() {}, onOver() {} };
    }
  }
}

function wantsClose(request: RawRequest): boolean {
  return request.headers.some(([name, value]) => name.toLowerCase() === 'connection' && /\bclose\b/i.test(value));
}
