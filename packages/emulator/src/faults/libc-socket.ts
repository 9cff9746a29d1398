import { dlopen, ptr } from 'bun:ffi';

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;

/**
 * TCP sockets in states that no portable API offers: bound without listening, listening without accepting.
 * **Linux only** (the constants hold for x64 and arm64).
 */
export class LibcSocket {
  private constructor(
    private readonly fd: number,
    private readonly address: Uint8Array,
  ) {}

  /** Binds to any free port of 127.0.0.1. @throws when the platform is another, or the system refuses. */
  static bind(): LibcSocket {
    const socket = new LibcSocket(openSocket(0), loopback(0));
    must('bind', libc().bind(socket.fd, ptr(socket.address), socket.address.length));
    const length = new Uint32Array([socket.address.length]);
    must('getsockname', libc().getsockname(socket.fd, ptr(socket.address), ptr(length)));
    return socket;
  }

  /** Begins to connect to `port` of 127.0.0.1 and does not wait: whether it will succeed is not known here. */
  static beginConnect(port: number): LibcSocket {
    const socket = new LibcSocket(openSocket(SOCK_NONBLOCK), loopback(port));
    libc().connect(socket.fd, ptr(socket.address), socket.address.length);
    return socket;
  }

  get port(): number {
    return new DataView(this.address.buffer).getUint16(2, false);
  }

  /** Listens and never accepts. @param backlog connections the kernel completes on its own, less one. */
  listen(backlog: number): void {
    must('listen', libc().listen(this.fd, backlog));
  }

  close(): void {
    libc().close(this.fd);
  }
}

function openSocket(flags: number): number {
  const fd = libc().socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  must('socket', Math.min(0, fd));
  return fd;
}

/** A `struct sockaddr_in`: the family in the machine's order (little on all that Bun runs on), the port in the network's. */
function loopback(port: number): Uint8Array {
  const address = new Uint8Array(16);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port, false);
  address.set([127, 0, 0, 1], 4);
  return address;
}

function must(call: string, result: number): void {
  if (result !== 0) throw new Error(`${call}() failed.`);
}

type Libc = ReturnType<typeof openLibc>;
let opened: Libc | undefined;

function libc(): Libc {
  opened ??= openLibc();
  return opened;
}

function openLibc() {
  if (process.platform !== 'linux') throw new Error('Sockets of libc are used on Linux only.');
  const symbols = {
    socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
    listen: { args: ['i32', 'i32'], returns: 'i32' },
    getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
    connect: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
    close: { args: ['i32'], returns: 'i32' },
  } as const;
  try {
    return dlopen('libc.so.6', symbols).symbols;
  } catch {
    // Alpine and its like.
    return dlopen(`libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`, symbols).symbols;
  }
}
