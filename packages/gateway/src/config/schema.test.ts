import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { providerTable } from '../providers/table.ts';
import { schemaPath, schemaText } from './generate-schema.ts';
import { loadConfiguration } from './load.ts';

test('the published schema is the one in force', () => {
  // Run generate-schema.ts when this fails after a change of the schema.
  expect(JSON.parse(readFileSync(schemaPath, 'utf8'))).toEqual(JSON.parse(schemaText()));
});

test('the example file is valid, and says nothing that needs setting', async () => {
  const file = join(import.meta.dir, '../../../../turnpike.example.yaml');
  const loaded = await loadConfiguration({ file, environment: {} });
  expect(loaded.problems).toEqual([]);
});

test('every top-level key is documented', () => {
  const documented = readFileSync(join(import.meta.dir, '../../../../docs/configuration.md'), 'utf8');
  const { properties } = JSON.parse(schemaText()) as {
    properties: Record<string, { properties?: Record<string, unknown> }>;
  };
  for (const [key, { properties: inner }] of Object.entries(properties)) {
    expect(documented).toContain(`\`${key}\``);
    for (const name of Object.keys(inner ?? {})) expect(documented).toContain(`\`${name}\``);
  }
});

test('every provider is documented, with the variables that make it available', () => {
  const documented = readFileSync(join(import.meta.dir, '../../../../docs/configuration.md'), 'utf8');
  for (const { id, envKeys, envBaseUrl } of providerTable) {
    const row = documented.split('\n').find((line) => line.startsWith(`| \`${id}\` |`));
    for (const name of [...envKeys, ...(envBaseUrl?.names ?? [])]) expect(row).toContain(`\`${name}\``);
  }
});
