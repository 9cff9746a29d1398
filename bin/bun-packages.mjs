// Which npm package carries the Bun binary for a machine.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const systems = { linux: 'linux', darwin: 'darwin', win32: 'windows', freebsd: 'freebsd', android: 'linux' };
const processors = { x64: 'x64', arm64: 'aarch64' };

/**
 * Names under the scope `@oven`, best first; empty when Bun is not built for the machine. The usual x64 build chooses its
 * instructions at run time and works without AVX2; the `-baseline` package of earlier releases is taken when only that
 * one is installed.
 *
 * @param {string} platform As in `process.platform`.
 * @param {string} arch As in `process.arch`.
 * @param {boolean} musl Does the system use musl instead of glibc (Alpine)?
 * @returns {string[]}
 */
export function bunPackages(platform, arch, musl) {
  const system = systems[platform];
  const processor = processors[arch];
  if (system === undefined || processor === undefined) return [];
  const name = `bun-${system}-${processor}`;
  if (platform === 'android') return [`${name}-android`];
  const variant = platform === 'linux' && musl ? `${name}-musl` : name;
  return arch === 'x64' && platform !== 'freebsd' ? [variant, `${variant}-baseline`] : [variant];
}

/** Node's own report says which C library it runs on; Alpine's release file answers where reports are turned off. */
export function isMusl() {
  if (process.platform !== 'linux') return false;
  if (process.report) process.report.excludeNetwork = true;
  const header = process.report?.getReport().header;
  if (header !== undefined) return header.glibcVersionRuntime === undefined;
  return existsSync('/etc/alpine-release');
}

/** Is this an Intel Node translated on Apple silicon? Then the native binary is the faster one, and the one installed. */
export function isRosetta() {
  if (process.arch !== 'x64') return false;
  const answer = spawnSync('sysctl', ['-n', 'sysctl.proc_translated'], { encoding: 'utf8' });
  return answer.status === 0 && answer.stdout.trim() === '1';
}
