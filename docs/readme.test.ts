import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseSource } from '../packages/gateway/src/config/document.ts';
import { configSchema } from '../packages/gateway/src/config/schema.ts';

const root = join(import.meta.dir, '..');
const readme = await Bun.file(join(root, 'README.md')).text();
const pages = ['*.md', 'docs/**/*.md'].flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(root)]);

test('the configuration that the README shows is accepted', () => {
  const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(readme) ?? [];
  const result = configSchema.safeParse(parseSource(yaml ?? '', 'README.md').document?.value);
  expect(result.error?.issues ?? []).toEqual([]);
});

test('every command that the README shows exists', async () => {
  const { scripts } = (await Bun.file(join(root, 'package.json')).json()) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm (?:run )?(start|test|check|bench|docs)\b/g)].map(([, name = '']) => name);
  expect(new Set(named)).toEqual(new Set(['start', 'test', 'check', 'bench']));
  for (const name of named) expect(scripts[name]).toBeDefined();
});

test('there are pages', () => expect(pages.length).toBeGreaterThan(10));

test.each(pages)('the links of %s lead somewhere', async (page) => {
  const text = await Bun.file(join(root, page)).text();
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, link = '']) => link);
  expect(links.filter((link) => !existsSync(join(root, page, '..', link)))).toEqual([]);
});
