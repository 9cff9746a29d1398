import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bunSettings } from '../bin/bootstrap.mjs';
import { type Child, freePort, startChild } from './child.ts';
import type { CorePlan } from './cores.ts';
import type { Load, PeerId } from './plan.ts';
import { turnpikeConfig } from './turnpike-config.ts';

/** What every peer is started with. */
export interface StartContext {
  readonly cores: CorePlan;
  readonly scratchDir: string;
  readonly upstreamPort: number;
  /** All loads of this run, for gateways that know models by name. */
  readonly loads: readonly Load[];
}

/** A peer that runs, or why it is left out of this run. */
export type PeerStart = { readonly child: Child } | { readonly leftOut: string };

const HERE = import.meta.dir;
const ROOT = join(HERE, '..');
const PORTKEY_DIR = join(HERE, 'peers/portkey');

/** Starts the stand-in provider on its own core. */
export async function startUpstream(cores: CorePlan, scratchDir: string): Promise<Child> {
  const port = freePort();
  const command = [process.execPath, join(HERE, 'upstream.ts'), '--port', String(port)];
  return await startChild({ name: 'upstream', command, core: cores.upstream, port, scratchDir });
}

/** Starts one peer on the gateway's core. */
export async function startPeer(peer: Exclude<PeerId, 'direct'>, context: StartContext): Promise<PeerStart> {
  switch (peer) {
    case 'nginx':
      return await startNginx(context);
    case 'b':
      return { child: await startBareProxy(context) };
    case 'turnpike':
      return await startTurnpike(context);
    case 'portkey':
      return await startPortkey(context);
  }
}

async function startBareProxy({ cores, scratchDir, upstreamPort }: StartContext): Promise<Child> {
  const port = freePort();
  const upstream = `http://127.0.0.1:${upstreamPort}`;
  const command = [process.execPath, join(HERE, 'bare-proxy.ts'), '--port', String(port), '--upstream', upstream];
  return await startChild({ name: 'b', command, core: cores.gateway, port, scratchDir, env: bunSettings });
}

/** Where Turnpike keeps its log during a run. */
export function turnpikeDataDir(scratchDir: string): string {
  return join(scratchDir, 'turnpike-data');
}

async function startTurnpike({ cores, scratchDir, upstreamPort, loads }: StartContext): Promise<PeerStart> {
  const entry = join(ROOT, 'packages/gateway/src/cli/main.ts');
  if (!existsSync(entry)) return { leftOut: 'packages/gateway/src/cli/main.ts does not exist' };
  const port = freePort();
  const config = join(scratchDir, 'turnpike.yaml');
  writeFileSync(config, turnpikeConfig(loads, upstreamPort));
  const dataDir = turnpikeDataDir(scratchDir);
  mkdirSync(dataDir, { recursive: true });
  // Run by Bun directly: the launcher is a second process that only waits, and would be counted as memory.
  const command = [process.execPath, '--no-install', entry, '--port', String(port), '--config', config];
  const env = { ...bunSettings, TURNPIKE_DATA_DIR: dataDir };
  return { child: await startChild({ name: 'turnpike', command, core: cores.gateway, port, scratchDir, env }) };
}

async function startNginx({ cores, scratchDir, upstreamPort }: StartContext): Promise<PeerStart> {
  const binary = findNginx();
  if (binary === undefined) return { leftOut: 'nginx is not installed (Debian: apt-get install nginx-light)' };
  const port = freePort();
  const dir = join(scratchDir, 'nginx');
  mkdirSync(dir, { recursive: true });
  const file = join(dir, 'nginx.conf');
  writeFileSync(file, nginxConfig(dir, port, upstreamPort));
  const command = [binary, '-p', dir, '-e', join(dir, 'error.log'), '-c', file];
  return { child: await startChild({ name: 'nginx', command, core: cores.gateway, port, scratchDir }) };
}

/** nginx where it is, or from Debian's package when this is root on a machine with apt. */
function findNginx(): string | undefined {
  const find = (): string | undefined => ['/usr/sbin/nginx', '/usr/local/sbin/nginx'].find((path) => existsSync(path));
  const found = Bun.which('nginx') ?? find();
  if (found !== undefined || process.getuid?.() !== 0 || Bun.which('apt-get') === null) return found;
  console.error('nginx is missing; trying apt-get install nginx-light …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  Bun.spawnSync(['apt-get', 'install', '-y', '--no-install-recommends', 'nginx-light'], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return find();
}

function nginxConfig(dir: string, port: number, upstreamPort: number): string {
  return `daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_max_body_size 32m;
  client_body_buffer_size 2m;
  client_body_temp_path ${dir}/body;
  proxy_temp_path ${dir}/proxy;
  fastcgi_temp_path ${dir}/fastcgi;
  uwsgi_temp_path ${dir}/uwsgi;
  scgi_temp_path ${dir}/scgi;
  upstream provider {
    server 127.0.0.1:${upstreamPort};
    keepalive 1024;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}

async function startPortkey({ cores, scratchDir }: StartContext): Promise<PeerStart> {
  const node = Bun.which('node');
  if (node === null) return { leftOut: 'Portkey runs on Node, which is not on the path' };
  const entry = join(PORTKEY_DIR, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const reason = installPortkey(entry);
  if (reason !== undefined) return { leftOut: reason };
  const port = freePort();
  const command = [node, '--import', './loopback.mjs', entry, '--headless', `--port=${port}`];
  const options = { name: 'portkey', command, core: cores.gateway, port, scratchDir, cwd: PORTKEY_DIR };
  return { child: await startChild(options) };
}

/** Installs Portkey's gateway from its own lockfile when that was not done yet; why it could not, if it could not. */
function installPortkey(entry: string): string | undefined {
  if (existsSync(entry)) return undefined;
  console.error('installing Portkey into bench/peers/portkey …');
  const command = ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { exitCode } = Bun.spawnSync(command, { cwd: PORTKEY_DIR, stdio: ['ignore', 'ignore', 'inherit'] });
  return exitCode === 0
    ? undefined
    : `Portkey could not be installed (npm ci in bench/peers/portkey: exit ${exitCode})`;
}
