import { afterAll, expect, test } from 'bun:test';
import { connect, createServer } from 'node:net';
import { closedPort, openBlackhole } from './unreachable.ts';

const onLinux = process.platform === 'linux';
const blackhole = onLinux ? openBlackhole() : undefined;
afterAll(() => blackhole?.stop());

function tryConnect(port: number, patienceMs: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (outcome: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => settle('pending'), patienceMs);
    socket.once('connect', () => settle('connected'));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? 'error'));
  });
}

test('nobody listens on a closed port', async () => {
  expect(await tryConnect(await closedPort(), 1000)).toBe('ECONNREFUSED');
});

test.skipIf(!onLinux)('a closed port stays closed: nobody else can take it', async () => {
  const port = await closedPort();
  const outcome = await new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve('taken')));
  });
  expect(outcome).toBe('EADDRINUSE');
});

test.skipIf(!onLinux)('connecting to a black hole neither succeeds nor fails', async () => {
  const port = blackhole?.port ?? 0;
  expect(await Promise.all([tryConnect(port, 700), tryConnect(port, 700)])).toEqual(['pending', 'pending']);
});

test.skipIf(!onLinux)('a closed black hole refuses', async () => {
  const short = openBlackhole();
  short.stop();
  expect(await tryConnect(short.port, 1000)).toBe('ECONNREFUSED');
});
