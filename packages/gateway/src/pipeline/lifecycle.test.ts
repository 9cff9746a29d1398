import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { stages } from './stages.ts';

const page = await Bun.file(join(import.meta.dir, '../../../../docs/lifecycle.md')).text();
const handle = await Bun.file(join(import.meta.dir, 'handle.ts')).text();

/** Where `handle.ts` says which stage a line is: `// stage: plan` beside its call, `// place: limit` on a line alone. */
const marks = [...handle.matchAll(/^(.*)\/\/ (stage|place): ([a-z-]+)$/gm)].map(([, code = '', kind, name = '']) => ({
  name,
  state: kind === 'stage' ? 'real' : 'place',
  code: code.trim(),
}));

const sections = page
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const [name = '', ...lines] = section.split('\n');
    return { name, note: lines.find((line) => line.startsWith('*')) ?? '', body: lines.slice(3).join('\n').trim() };
  });

describe('handle.ts', () => {
  test('walks the stages of the list, in its order, each once', () => {
    expect(marks.map(({ name, state }) => [name, state])).toEqual(stages.map(({ name, state }) => [name, state]));
  });

  test.each(marks.filter((mark) => mark.state === 'real'))('calls $name where it says so', ({ name, code }) => {
    // `identify(…)`, `readBody(…)`, `planAttempts(…)`: a function whose name begins with the stage's.
    const call = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    expect(code).toMatch(new RegExp(`\\b${call}[A-Za-z]*\\(`));
  });

  test.each(marks.filter((mark) => mark.state === 'place'))('does nothing yet at $name', ({ code }) => {
    expect(code).toBe('');
  });
});

describe('docs/lifecycle.md', () => {
  test('has a heading for each stage, in order', () => {
    expect(sections.map((section) => section.name)).toEqual(stages.map((stage) => stage.name));
  });

  test.each([...stages])('says of $name how often it runs and whether it does', ({ name, scope, state }) => {
    const section = sections.find((one) => one.name === name);
    expect(section?.note).toBe(`*Once per ${scope}.${state === 'place' ? ' Place.' : ''}*`);
    expect(section?.body.length).toBeGreaterThan(40);
  });
});
