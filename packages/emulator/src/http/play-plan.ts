import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Step, WirePlan } from './wire-plan.ts';

/** What really happened while a plan was played. */
export interface Played {
  /** `finished`: the plan ran to its clean end. `cut`: it ended otherwise, as planned. `client-closed`: the client left first. */
  outcome: 'finished' | 'cut' | 'client-closed';
  /** May the connection carry another request? */
  reusable: boolean;
}

export interface PlayOptions {
  /** Aborted when the client closes, or the server stops. */
  gone: AbortSignal;
  /** The client asked to close after this answer (`connection: close`, HTTP/1.0). */
  lastRequest: boolean;
  /** Called after the body bytes of a step were handed to the kernel. */
  onSent: (bytes: Uint8Array) => void;
}

/** Sends `plan` on a raw socket, waits included. Resolves when nothing more is to be sent. */
export async function playPlan(socket: Socket, plan: WirePlan, options: PlayOptions): Promise<Played> {
  const { gone } = options;
  if (plan.headDelayMs) await pause(plan.headDelayMs, gone);
  if (gone.aborted) return { outcome: 'client-closed', reusable: false };
  if (!plan.silent) {
    await write(socket, Buffer.from(headOf(plan, options.lastRequest), 'latin1'), gone);
    await sendSteps(socket, plan, options);
  }
  if (gone.aborted) return { outcome: 'client-closed', reusable: false };
  return finish(socket, plan, options);
}

async function sendSteps(socket: Socket, plan: WirePlan, { gone, onSent }: PlayOptions): Promise<void> {
  for (const step of plan.steps) {
    // Letting the event loop turn between writes keeps steps apart on the wire: they leave as segments of their own.
    await (step.waitMs === undefined ? nextTurn() : pause(step.waitMs, gone));
    if (gone.aborted) return;
    if (step.bytes.length === 0) continue;
    await write(socket, plan.framing === 'chunked' ? chunkOf(step) : step.bytes, gone);
    if (!gone.aborted) onSent(step.bytes);
  }
}

async function finish(socket: Socket, plan: WirePlan, options: PlayOptions): Promise<Played> {
  if (plan.end === 'clean') {
    if (plan.framing === 'chunked') await write(socket, Buffer.from('0\r\n\r\n'), options.gone);
    const reusable = plan.framing !== 'none' && !options.lastRequest && !plan.silent;
    if (!reusable) socket.end();
    return { outcome: 'finished', reusable };
  }
  // Bytes still in the kernel's buffer are lost with an RST: give them a moment to leave.
  if (plan.end === 'reset') {
    await pause(5, options.gone);
    socket.resetAndDestroy();
  }
  if (plan.end === 'close') {
    socket.end();
    socket.destroySoon();
  }
  if (plan.end === 'hang') await pause(Number.POSITIVE_INFINITY, options.gone);
  return { outcome: plan.end === 'hang' ? 'client-closed' : 'cut', reusable: false };
}

function headOf(plan: WirePlan, lastRequest: boolean): string {
  let head = `HTTP/1.1 ${plan.status} ${STATUS_CODES[plan.status] ?? 'Status'}\r\n`;
  for (const [name, value] of plan.headers) head += `${name}: ${value}\r\n`;
  head += `date: ${new Date().toUTCString()}\r\n`;
  if (plan.framing === 'chunked') head += 'transfer-encoding: chunked\r\n';
  if (plan.framing === 'length') {
    const length = plan.declaredLength ?? plan.steps.reduce((sum, step) => sum + step.bytes.length, 0);
    head += `content-length: ${length}\r\n`;
  }
  if (lastRequest || plan.framing === 'none') head += 'connection: close\r\n';
  return `${head}\r\n`;
}

function chunkOf(step: Step): Buffer {
  return Buffer.concat([Buffer.from(`${step.bytes.length.toString(16)}\r\n`), step.bytes, Buffer.from('\r\n')]);
}

function write(socket: Socket, bytes: Uint8Array, gone: AbortSignal): Promise<void> {
  if (gone.aborted || socket.destroyed || !socket.writable) return Promise.resolve();
  if (socket.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const proceed = () => {
      socket.off('drain', proceed);
      gone.removeEventListener('abort', proceed);
      resolve();
    };
    socket.once('drain', proceed);
    gone.addEventListener('abort', proceed, { once: true });
  });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits `ms` milliseconds (`Infinity`: for ever) or until `gone`. */
export function pause(ms: number, gone: AbortSignal): Promise<void> {
  if (gone.aborted || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = Number.isFinite(ms) ? setTimeout(done, ms) : undefined;
    function done() {
      clearTimeout(timer);
      gone.removeEventListener('abort', done);
      resolve();
    }
    gone.addEventListener('abort', done, { once: true });
  });
}
