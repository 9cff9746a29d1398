/**
 * Can a TCP connection to this origin be made within `withinMs`?
 *
 * `fetch` does not say whether it is still connecting or waiting for an answer, so when no answer has come by half of
 * the connect deadline, this asks the network itself. Answers are shared: at most one probe per origin is under way,
 * and a good one holds for {@link GOOD_FOR_MS}.
 */
export class Reachability {
  readonly #goodUntilMs = new Map<string, number>();
  readonly #probes = new Map<string, Promise<boolean>>();

  async check(origin: URL, withinMs: number, nowMs: number): Promise<boolean> {
    const key = origin.host;
    if ((this.#goodUntilMs.get(key) ?? 0) > nowMs) return true;
    let probe = this.#probes.get(key);
    if (probe === undefined) {
      probe = connects(origin, withinMs).finally(() => this.#probes.delete(key));
      this.#probes.set(key, probe);
    }
    const good = await probe;
    if (good) {
      if (this.#goodUntilMs.size >= ORIGINS_MAX) this.#goodUntilMs.clear();
      this.#goodUntilMs.set(key, nowMs + GOOD_FOR_MS);
    }
    return good;
  }
}

const GOOD_FOR_MS = 10_000;
/** Bound on remembered origins; far above any real number of providers. */
const ORIGINS_MAX = 1_000;

function connects(origin: URL, withinMs: number): Promise<boolean> {
  const hostname = origin.hostname.replace(/^\[|\]$/g, '');
  const port = Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), withinMs);
    Bun.connect({
      hostname,
      port,
      socket: {
        open(socket) {
          clearTimeout(timer);
          resolve(true);
          socket.end();
        },
        data() {},
        // A refusal is an answer: the fetch under way fails by itself and says so better.
        connectError() {
          clearTimeout(timer);
          resolve(true);
        },
      },
    }).catch(() => resolve(true));
  });
}
