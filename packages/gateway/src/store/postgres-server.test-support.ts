import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SQL } from 'bun';
import { freePort } from '../testing/free-port.test-support.ts';

/** Where Debian and Ubuntu put the server's programs, one folder for each version. */
const DEBIAN = '/usr/lib/postgresql';
const START_MS = 20_000;

/** The folder with `initdb` and `postgres`: that of the newest Debian package, or on the path. */
export function postgresPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(DEBIAN, version, 'bin'));
  return [...folders, ...(process.env.PATH ?? '').split(':')].find((folder) =>
    ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))),
  );
}

/**
 * A PostgreSQL server of the test's own: a new cluster in a temporary folder, on a free port of the loopback address. It
 * sorts text as English does, so that a test sees where ours should compare as bytes and does not. It ends with this
 * process, however that ends (Linux).
 */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  readonly #programs: string;
  #process: Bun.Subprocess | undefined;
  #databases = 0;

  private constructor(programs: string, folder: string, port: number) {
    this.#programs = programs;
    this.#folder = folder;
    this.port = port;
  }

  static async start(): Promise<PostgresServer> {
    const programs = postgresPrograms();
    if (programs === undefined) throw new Error('There is no PostgreSQL server on this machine.');
    const folder = mkdtempSync(join(tmpdir(), 'turnpike-postgres-'));
    const user = serverUser();
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const server = new PostgresServer(programs, folder, freePort());
    const data = join(folder, 'data');
    const common = [
      'initdb',
      '-D',
      data,
      '-U',
      'turnpike',
      '--auth=trust',
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    ];
    const made = Bun.spawnSync(server.#command([...common, '--locale-provider=icu', '--icu-locale=en-US']), {
      cwd: '/',
      stderr: 'pipe',
    });
    if (made.exitCode !== 0) throw new Error(`initdb failed: ${made.stderr.toString()}`);
    await server.resume();
    return server;
  }

  /** The process itself, to be stopped in the middle of something. */
  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  urlOf(database: string): string {
    return `postgres://turnpike:unused@127.0.0.1:${this.port}/${database}`;
  }

  /** An empty database nobody else has, by its address. */
  async newDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `test_${this.#databases}`;
    await this.run(`CREATE DATABASE ${name}`);
    return this.urlOf(name);
  }

  /** Runs statements beside the code under test. */
  async run<Row>(sql: string, url: string = this.urlOf('postgres')): Promise<Row[]> {
    const client = new SQL(url, { max: 1, bigint: true });
    try {
      return [...(await client.unsafe<Row[]>(sql))];
    } finally {
      await client.close();
    }
  }

  /** Starts it again after {@link pause}, with all that was committed. */
  async resume(): Promise<void> {
    const settings = {
      port: this.port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      shared_buffers: '32MB',
      max_connections: 60,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    this.#process = Bun.spawn(this.#command(['postgres', '-D', join(this.#folder, 'data'), ...flags]), {
      cwd: '/',
      stdout: 'ignore',
      stderr: Bun.file(join(this.#folder, 'log')),
    });
    const giveUpAt = performance.now() + START_MS;
    for (;;) {
      try {
        await this.run('SELECT 1');
        return;
      } catch (error) {
        if (performance.now() > giveUpAt || this.#process.exitCode !== null) {
          throw new Error(`PostgreSQL did not start: ${await Bun.file(join(this.#folder, 'log')).text()}`, {
            cause: error,
          });
        }
      }
      await Bun.sleep(25);
    }
  }

  /** Stops it at once, as a crash would. */
  async pause(): Promise<void> {
    this.#process?.kill('SIGQUIT');
    await this.#process?.exited;
  }

  async stop(): Promise<void> {
    await this.pause();
    rmSync(this.#folder, { recursive: true });
  }

  /** The server refuses to run as root, and must not outlive a test run that was killed. */
  #command([program = '', ...args]: string[]): string[] {
    const command = [join(this.#programs, program), ...args];
    const setpriv = Bun.which('setpriv');
    if (setpriv === null) return command;
    const user = serverUser();
    const as = user === undefined ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
    return [setpriv, ...as, '--pdeathsig=QUIT', '--', ...command];
  }
}

/** Whom to be instead of root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string, name: string) =>
    Number(Bun.spawnSync(['id', flag, name]).stdout.toString() || Number.NaN);
  for (const name of ['postgres', 'nobody']) {
    const user = { uid: idOf('-u', name), gid: idOf('-g', name) };
    if (user.uid > 0) return user;
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor nobody.');
}
