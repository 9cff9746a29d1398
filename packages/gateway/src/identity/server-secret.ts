import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../config/configuration.ts';
import { StartError } from '../start-error.ts';

const SECRET_CHARS_MIN = 32;

/**
 * The secret under which keys are digested: `TURNPIKE_SECRET`, else what `<dataDir>/secret.key` holds, which is made at
 * the first start and readable by its owner alone. Gateways that share a database must share it.
 *
 * @throws StartError when it is too short or cannot be read.
 */
export function serverSecret(environment: Environment, dataDir: string): string {
  const given = environment.TURNPIKE_SECRET?.trim();
  if (given) {
    if (given.length < SECRET_CHARS_MIN) {
      throw new StartError(
        `TURNPIKE_SECRET has ${given.length} characters; at least ${SECRET_CHARS_MIN} are needed ("openssl rand -base64 32" makes some).`,
      );
    }
    return given;
  }
  const path = join(dataDir, 'secret.key');
  try {
    const secret = readSecret(path) ?? makeSecret(dataDir, path);
    if (secret.length >= SECRET_CHARS_MIN) return secret;
  } catch (error) {
    throw new StartError(`${path} cannot be used: ${error instanceof Error ? error.message : String(error)}.`);
  }
  throw new StartError(`${path} holds no secret. Put a backup in its place; without it, stored keys are void.`);
}

function readSecret(path: string): string | undefined {
  try {
    const secret = readFileSync(path, 'utf8').trim();
    chmodSync(path, 0o600);
    return secret;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written beside and linked into place, so that of two that start at once both have the same, whole. */
function makeSecret(dataDir: string, path: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const secret = randomText(32);
  const beside = `${path}.${process.pid}.${randomText(6)}`;
  writeFileSync(beside, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  try {
    linkSync(beside, path);
    return secret;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return readSecret(path) ?? '';
  } finally {
    rmSync(beside);
  }
}

function randomText(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('base64url');
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
