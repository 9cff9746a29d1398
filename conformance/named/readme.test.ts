/** The table in README.md names tests that are there. */
import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const text = readFileSync(join(import.meta.dir, 'README.md'), 'utf8');
/** The last column of each row. */
const cells = text.split('\n').flatMap((line) => (/^\| (?!of |---)/.test(line) ? [line.split('|').at(-2) ?? ''] : []));
/** A file of this folder, and the beginnings of names of tests in it. */
const claims = cells.flatMap((cell) =>
  [...cell.matchAll(/`([a-z-]+)`: ([^`]+)/g)].flatMap(([, file = '', names = '']) =>
    names.split(';').flatMap((part) => {
      const name = part.replace(/\(.*$/, '').split('…')[0]?.trim() ?? '';
      // What leads to the next file is no name.
      return name === '' || /^over /.test(name) ? [] : [{ file, name }];
    }),
  ),
);

test('there are many', () => expect(claims.length).toBeGreaterThan(60));

test('each test that the table names is there', () => {
  const missing = claims.filter(({ file, name }) => {
    const path = join(import.meta.dir, `${file}.test.ts`);
    return !existsSync(path) || !readFileSync(path, 'utf8').replaceAll('’', "'").includes(name.replaceAll('’', "'"));
  });
  expect(missing).toEqual([]);
});
