/** What a parent tells a worker it starts: the one argument of its command line, as JSON. */
export interface WorkerOrder {
  /** From 1. */
  readonly worker: number;
  /** How many there are. */
  readonly workers: number;
  readonly node: string;
  readonly configFile: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  /** `first`: it makes sure that the port is nobody else's. */
  readonly shared: 'first' | 'join';
}

/** What a worker tells once it serves. */
export interface WorkerReady {
  readonly port: number;
  /** For the operator: where it listens, how to try it. */
  readonly banner: string;
  /** What was noticed in the configuration. */
  readonly report: readonly string[];
}
