/**
 * Writes `docs/turnpike.schema.json`, the JSON Schema of `turnpike.yaml`, from `schema.ts`.
 * Run it after changing the schema: `bun run packages/gateway/src/config/generate-schema.ts`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { jsonSchema } from './schema.ts';

/** Where the published schema lies. */
export const schemaPath = join(import.meta.dir, '../../../../docs/turnpike.schema.json');

/** The text of the published schema. */
export function schemaText(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
}

if (import.meta.main) writeFileSync(schemaPath, schemaText());
