import { dlopen, ptr } from 'bun:ffi';
import { createServer } from 'node:net';

/**
 * A port of this machine on which nobody listens: connecting is refused at once.
 * It was free a moment ago; nothing keeps others from taking it, so use it soon.
 */
export function closedPort(hostname = '127.0.0.1'): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, hostname, () => {
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

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
/** Linux keeps one connection more than the backlog says; the second filler makes sure. */
const FILLERS = 2;

/**
 * Listens on loopback with a backlog of 0, never accepts, and fills the backlog: the kernel then drops further SYNs and
 * whoever connects waits (the client's SYN is repeated after 1, 3, 7… s). No portable API gives a socket that listens
 * without accepting, hence libc. **Linux only** (x64 and arm64 share these constants).
 * @throws when the platform is another, or the socket cannot be made.
 */
export function openBlackhole(): Blackhole {
  if (process.platform !== 'linux') throw new Error('A port that never accepts can be made on Linux only.');
  const libc = openLibc();
  const opened: number[] = [];
  const openSocket = (flags: number) => {
    const fd = libc.symbols.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0) throw new Error('socket() failed.');
    opened.push(fd);
    return fd;
  };
  const listener = openSocket(0);
  const address = new Uint8Array(16);
  new DataView(address.buffer).setUint16(0, AF_INET, true);
  address.set([127, 0, 0, 1], 4);
  if (libc.symbols.bind(listener, ptr(address), address.length) !== 0) throw new Error('bind() failed.');
  if (libc.symbols.listen(listener, 0) !== 0) throw new Error('listen() failed.');
  const length = new Uint32Array([address.length]);
  if (libc.symbols.getsockname(listener, ptr(address), ptr(length)) !== 0) throw new Error('getsockname() failed.');
  // Their connect() returns at once with EINPROGRESS (they do not block), so its result says nothing.
  for (let n = 0; n < FILLERS; n++) libc.symbols.connect(openSocket(SOCK_NONBLOCK), ptr(address), address.length);
  const port = new DataView(address.buffer).getUint16(2, false);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    stop() {
      for (const fd of opened.splice(0)) libc.symbols.close(fd);
      libc.close();
    },
  };
}

function openLibc() {
  const symbols = {
    socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
    listen: { args: ['i32', 'i32'], returns: 'i32' },
    getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
    connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
    close: { args: ['i32'], returns: 'i32' },
  } as const;
  try {
    return dlopen('libc.so.6', symbols);
  } catch {
    return dlopen('libc.musl-x86_64.so.1', symbols); // Alpine and its like.
  }
}
