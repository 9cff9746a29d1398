/** How a node waits. Replaced where a simulation has a clock of its own. Each returns what calls it off. */
export interface Timers {
  after(ms: number, run: () => void): () => void;
  /** Does not keep a process alive. */
  every(ms: number, run: () => void): () => void;
}

export const realTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
