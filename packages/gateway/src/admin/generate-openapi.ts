/**
 * Writes `docs/openapi.json`, the description of the admin API, from its operations.
 * Run it after changing them: `bun run packages/gateway/src/admin/generate-openapi.ts`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApi } from './openapi.ts';

/** Where the published description lies. */
export const openApiPath = join(import.meta.dir, '../../../../docs/openapi.json');

export function openApiText(): string {
  return `${JSON.stringify(openApi(), null, 2)}\n`;
}

if (import.meta.main) writeFileSync(openApiPath, openApiText());
