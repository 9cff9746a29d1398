import { describe, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseJson } from '../../json/parse.ts';
import { isObject, type JsonObject } from '../../json/value.ts';

/** One recorded exchange of this API, at whichever provider. */
export interface Recording {
  name: string;
  fidelity: string;
  status: number;
  request: JsonObject | undefined;
  response: JsonObject | undefined;
  stream: Uint8Array | undefined;
}

const root = join(process.env.TURNPIKE_SHARED ?? resolve(import.meta.dir, '../../../../../../shared'), 'corpus');

/** Runs `body` over the recorded exchanges; without them says what is left out, which under `CI` is a failure. */
export function describeRecordings(title: string, body: (recordings: Recording[]) => void): void {
  if (existsSync(root)) {
    describe(title, () => body(recordings()));
    return;
  }
  test(title, () => {
    if (process.env.CI) throw new Error(`${title}: no recordings at ${root}`);
    console.log(`left out: ${title}: no recordings at ${root}`);
  });
}

function recordings(): Recording[] {
  const found: Recording[] = [];
  for (const provider of folders(root)) {
    const folder = join(root, provider);
    for (const name of folders(folder)) {
      const metaPath = join(folder, name, 'meta.json');
      if (!existsSync(metaPath)) continue;
      const meta = JSON.parse(readFileSync(metaPath, 'utf8')) as { api: string; fidelity: string; status: number };
      if (meta.api !== 'anthropic.messages') continue;
      const stream = join(folder, name, 'response.sse');
      found.push({
        name: `${provider}/${name}`,
        fidelity: meta.fidelity,
        status: meta.status,
        request: readObject(join(folder, name, 'request.json')),
        response: readObject(join(folder, name, 'response.json')),
        stream: existsSync(stream) ? new Uint8Array(readFileSync(stream)) : undefined,
      });
    }
  }
  return found;
}

function folders(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

function readObject(path: string): JsonObject | undefined {
  if (!existsSync(path)) return undefined;
  const value = parseJson(readFileSync(path, 'utf8'));
  return isObject(value) ? value : undefined;
}
