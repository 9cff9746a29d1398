import { expect, test } from 'bun:test';
import { faults } from '../packages/wire/src/fault.ts';
import { errorsFile, errorsPage } from './errors-page.ts';

test('errors.md is what the catalogue says (after a change: npm run docs)', async () => {
  expect(await Bun.file(errorsFile).text()).toBe(errorsPage());
});

test('every code has a row with its status', () => {
  const page = errorsPage();
  for (const [code, { status }] of Object.entries(faults)) expect(page).toContain(`| \`${code}\` | ${status} | `);
});
