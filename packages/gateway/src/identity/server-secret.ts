import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../config/configuration.ts';
import { StartError } from '../start-error.ts';

const SECRET_CHARS_MIN = 32;

/** The server's secret, and the one before it, of which the database is not rid yet. */
export interface ServerSecrets {
  readonly current: string;
  readonly previous: string | undefined;
}

/**
 * The secret there is, and the one it takes the place of: `TURNPIKE_SECRET_PREVIOUS`, else what `<dataDir>/secret.key.previous`
 * holds.
 *
 * @throws StartError as {@link serverSecret}
 */
export function serverSecrets(environment: Environment, dataDir: string): ServerSecrets {
  const current = serverSecret(environment, dataDir);
  const given = environment.TURNPIKE_SECRET_PREVIOUS?.trim();
  const previous = given ? longEnough('TURNPIKE_SECRET_PREVIOUS', given) : previousOfFile(dataDir);
  return { current, previous: previous === current ? undefined : previous };
}

function previousOfFile(dataDir: string): string | undefined {
  const path = join(dataDir, 'secret.key.previous');
  let secret: string | undefined;
  try {
    secret = readSecret(path);
  } catch (error) {
    throw new StartError(`${path} cannot be used: ${error instanceof Error ? error.message : String(error)}.`);
  }
  return secret === undefined ? undefined : longEnough(path, secret);
}

function longEnough(name: string, secret: string): string {
  if (secret.length >= SECRET_CHARS_MIN) return secret;
  throw new StartError(
    `${name} has ${secret.length} characters; at least ${SECRET_CHARS_MIN} are needed ("openssl rand -base64 32" makes some).`,
  );
}

/**
 * The secret under which keys are digested: `TURNPIKE_SECRET`, else what `<dataDir>/secret.key` holds, which is made at
 * the first start and readable by its owner alone. Gateways that share a database must share it.
 *
 * @throws StartError when it is too short or cannot be read.
 */
export function serverSecret(environment: Environment, dataDir: string): string {
  const given = environment.TURNPIKE_SECRET?.trim();
  if (given) return longEnough('TURNPIKE_SECRET', given);
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
