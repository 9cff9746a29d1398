// What every command of this repository needs first: a new enough Node, the dependencies of the lockfile, and the Bun
// binary that came with them. Plain Node without dependencies, because it runs before there are any.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bunPackages, isMusl, isRosetta } from './bun-packages.mjs';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const NODE_MAJOR_MIN = 20;
const modules = join(root, 'node_modules');
const lockfile = join(root, 'package-lock.json');
/** npm's own note of what it installed; rewritten by every `npm ci` and `npm install`. */
const installed = join(modules, '.package-lock.json');
const stamp = join(modules, '.turnpike-installed');

/**
 * Makes the repository ready to run and returns the path of the Bun binary. Prints to stderr only, and only when there
 * is something to do. Ends the process with a message a person can act on when it cannot.
 *
 * @param {{ withDevelopmentTools?: boolean }} [options] Test and check commands need the development dependencies,
 *   also where `NODE_ENV=production` would leave them out.
 * @returns {string}
 */
export function prepare(options = {}) {
  requireNode();
  const toolsMissing = options.withDevelopmentTools === true && !existsSync(join(modules, 'typescript'));
  if (toolsMissing || !isInstalled()) install(options.withDevelopmentTools === true);
  return findBun();
}

function requireNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= NODE_MAJOR_MIN) return;
  fail(`Turnpike needs Node ${NODE_MAJOR_MIN} or newer to start; this is Node ${process.versions.node}.`);
}

/** Is what lies in node_modules what the lockfile asks for? By content where known, else by age. */
function isInstalled() {
  if (!existsSync(installed)) return false;
  const now = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === now) return true;
  if (statSync(installed).mtimeMs < statSync(lockfile).mtimeMs) return false;
  writeStamp(now);
  return true;
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const file of [lockfile, installed]) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function writeStamp(value) {
  try {
    writeFileSync(stamp, value);
  } catch (error) {
    // A read-only installation (a container image) works without the stamp: age decides then.
    if (!['EACCES', 'EROFS', 'EPERM'].includes(error.code)) throw error;
  }
}

function install(withDevelopmentTools) {
  const why = existsSync(installed) ? 'The lockfile changed' : 'First start';
  process.stderr.write(`${why}: installing dependencies with npm ci …\n`);
  const args = ['ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  if (withDevelopmentTools) args.push('--include=dev');
  const startedMs = Date.now();
  const result = spawnNpm(args);
  if (result.error) fail(`npm could not be started: ${result.error.message}`);
  if (result.status !== 0) fail(`npm ci failed (exit ${result.status ?? result.signal}). Its own message is above.`);
  writeStamp(fingerprint());
  process.stderr.write(`Dependencies installed in ${((Date.now() - startedMs) / 1000).toFixed(1)} s.\n`);
}

/** Runs the npm that runs us, if one does; else the one on the path. Its output goes to stderr: stdout is ours. */
function spawnNpm(args) {
  const stdio = ['ignore', process.stderr, process.stderr];
  const npm = process.env.npm_execpath;
  if (npm !== undefined && /npm-cli\.c?js$/.test(npm)) {
    return spawnSync(process.execPath, [npm, ...args], { cwd: root, stdio });
  }
  // On Windows npm is a command script, which only a shell can start. The arguments are all constants.
  return spawnSync('npm', args, { cwd: root, stdio, shell: process.platform === 'win32' });
}

/**
 * Finds Bun where npm put it: in the package of this platform, or, when install scripts were allowed to run, in the
 * `bun` package that its script moves the binary to.
 *
 * @returns {string}
 */
function findBun() {
  const exe = process.platform === 'win32' ? 'bun.exe' : 'bun';
  const arch = process.platform === 'darwin' && isRosetta() ? 'arm64' : process.arch;
  const packages = bunPackages(process.platform, arch, isMusl());
  const places = packages.map((name) => join(modules, '@oven', name, 'bin', exe));
  // Without its install script the package `bun` holds a small placeholder of this name; the real one is ~100 MB.
  const moved = join(modules, 'bun', 'bin', 'bun.exe');
  if (existsSync(moved) && statSync(moved).size > 1_000_000) places.push(moved);
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  if (packages.length === 0) fail(`Bun has no build for ${process.platform} on ${process.arch}.`);
  fail(
    `The Bun runtime is missing: none of ${packages.map((name) => `@oven/${name}`).join(', ')} is installed.\n` +
      'Run "npm ci" without --omit=optional, on the kind of machine that will run it.',
  );
}

/** What Bun needs to be told to serve as a gateway. */
export const bunSettings = {
  // Bun lets 256 outgoing requests run at once and silently queues the rest; a gateway holds thousands of streams.
  BUN_CONFIG_MAX_HTTP_REQUESTS: '65336',
  DO_NOT_TRACK: '1',
};

/** The environment that Bun runs in: {@link bunSettings}, but what the operator set explicitly stays. */
export function bunEnvironment() {
  return { ...bunSettings, ...process.env };
}

/**
 * Runs Bun in place of this process, as far as Node can: same terminal, same signals, same exit code.
 *
 * @param {string} bun
 * @param {string[]} args
 */
export function runBun(bun, args) {
  const child = spawn(bun, args, { stdio: 'inherit', env: bunEnvironment() });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    process.on(signal, () => {
      // Ctrl-C reaches every process of the terminal's group by itself; twice would mean "at once" to the gateway.
      if (signal === 'SIGINT' && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  if (process.env.npm_lifecycle_event !== undefined) stopWithNpm(child);
  child.on('error', (error) => fail(`Bun could not be started (${bun}): ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
}

/** npm puts a shell between itself and us which, told to stop, dies without passing it on: seen here as a new parent. */
function stopWithNpm(child) {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill('SIGTERM');
  }, 250);
  watch.unref();
}

/** @param {string} message */
export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
