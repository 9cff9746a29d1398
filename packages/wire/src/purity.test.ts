import { expect, test } from 'bun:test';
import { Glob } from 'bun';

/**
 * What a package that also runs in a browser must not touch, and what would make its answers depend on more than its
 * arguments. Imports are held by the dependency rules; these are the names that need no import.
 */
const forbidden =
  /(?<![.\w$])(?:Buffer|process|Bun|performance|require|globalThis|fetch|setTimeout|setInterval|setImmediate|queueMicrotask|console|WebSocket)(?=\s*[.([])|\bDate\.now\b|\bnew Date\(\s*\)|\bMath\.random\b|\bcrypto\.(?:randomUUID|getRandomValues)\b|['"]node:|['"]bun(?::|['"])/g;

function impurities(source: string): string[] {
  // Comments may speak of these things.
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`])\/\/.*$/gm, '$1');
  return [...code.matchAll(forbidden)].map((match) => match[0]);
}

const files = [...new Glob('**/*.ts').scanSync(import.meta.dir)].filter((file) => !/\.test(-support)?\.ts$/.test(file));

test('no file reaches for the platform, the clock or chance', async () => {
  expect(files.length).toBeGreaterThan(15);
  const found: string[] = [];
  for (const file of files) {
    const source = await Bun.file(`${import.meta.dir}/${file}`).text();
    found.push(...impurities(source).map((name) => `${file}: ${name}`));
  }
  expect(found).toEqual([]);
});

test.each([
  'Buffer.from(x)',
  'process.env.X',
  'Bun.file(x)',
  'const t = Date.now();',
  'const t = new Date();',
  'performance.now()',
  "import x from 'node:fs'",
  "import { y } from 'bun'",
  'await fetch(x)',
  'setTimeout(f, 1)',
  'globalThis["process"]',
  'Math.random()',
])('%s is seen', (source) => {
  expect(impurities(source)).toHaveLength(1);
});

test.each([
  '// uses Buffer.from',
  '/* process.env */',
  'stream.process(x)',
  'const processed = 1',
  'new Date(seconds * 1000)',
])('%s is no offence', (source) => {
  expect(impurities(source)).toEqual([]);
});
