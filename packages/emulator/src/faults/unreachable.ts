import { createServer } from 'node:net';
import { LibcSocket } from './libc-socket.ts';

/**
 * A port of 127.0.0.1 on which nobody listens: connecting is refused at once.
 * On Linux the port stays taken (one descriptor) until the process ends, so that nobody else comes to listen there;
 * elsewhere it was free a moment ago, which is all that can be said.
 */
export async function closedPort(): Promise<number> {
  return process.platform === 'linux' ? LibcSocket.bind().port : freePort();
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('No port.')),
      );
    });
  });
}

/** A port where connecting neither succeeds nor fails. */
export interface Blackhole {
  url: string;
  port: number;
  stop(): void;
}

/** Linux completes one connection more than the backlog says; the second filler makes sure. */
const FILLERS = 2;

/**
 * Listens on loopback with a backlog of 0, never accepts, and fills the backlog: the kernel then drops further SYNs and
 * whoever connects waits (the client's SYN is repeated after 1, 3, 7… s). **Linux only.**
 * @throws when the platform is another, or the socket cannot be made.
 */
export function openBlackhole(): Blackhole {
  const listener = LibcSocket.bind();
  listener.listen(0);
  const { port } = listener;
  const sockets = [listener, ...Array.from({ length: FILLERS }, () => LibcSocket.beginConnect(port))];
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop() {
      for (const socket of sockets.splice(0)) socket.close();
    },
  };
}
