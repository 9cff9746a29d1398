import { expect, test } from 'bun:test';
import { join } from 'node:path';

function run(...args: string[]) {
  return Bun.spawn([process.execPath, join(import.meta.dir, 'main.ts'), ...args], { stdout: 'pipe', stderr: 'pipe' });
}

/** Starts the program and waits for the line that says where it listens. */
async function start(...args: string[]) {
  const child = run(...args);
  const reader = child.stdout.getReader();
  let said = '';
  while (!said.includes('\n')) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`It ended: ${await new Response(child.stderr).text()}`);
    said += new TextDecoder().decode(value);
  }
  const url = /http:\S+/.exec(said)?.[0] ?? '';
  const stop = async () => {
    child.kill('SIGTERM');
    return child.exited;
  };
  return { said, url, stop };
}

const chat = (url: string, more = {}) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: 'echo', messages: [{ role: 'user', content: 'x' }], ...more }),
  });

test.each([
  ['Sandbox', ['--sandbox']],
  ['Emulator', []],
  ['Bench upstream', ['--bench', '--bytes', '900']],
])('%s says where it listens, answers, and stops on SIGTERM', async (name, args) => {
  const { said, url, stop } = await start(...args);
  expect(said).toStartWith(`${name} listens on http://127.0.0.1:`);
  const response = await chat(url);
  expect([response.status, ((await response.json()) as { object: string }).object]).toEqual([200, 'chat.completion']);
  expect(await stop()).toBe(0);
});

test('faults and chunks from the command line', async () => {
  const spoilt = await start('--fault', 'status,429');
  expect((await chat(spoilt.url)).status).toBe(429);
  await spoilt.stop();
  const chunked = await start('--chunks', '7', '--pace', '1', '--split', 'byte');
  const text = await (await chat(chunked.url, { stream: true })).text();
  expect([...text.matchAll(/word-\d/g)]).toHaveLength(7);
  await chunked.stop();
});

test('help names every option', async () => {
  const child = run('--help');
  const help = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  for (const option of ['--port', '--corpus', '--fault', '--sandbox', '--pace', '--chunks', '--bench', 'cut-reset']) {
    expect(help).toContain(option);
  }
});

test.each([
  ['an unknown option', ['--nope'], 'nope'],
  ['a port that is no number', ['--port', 'x'], '--port'],
  ['an unknown fault', ['--fault', 'flood'], 'flood'],
  ['an unknown split', ['--split', 'half'], 'half'],
  ['a corpus that is not there', ['--corpus', 'no-such-folder'], 'ENOENT'],
])('%s ends with 2 and a word on why', async (_what, args, word) => {
  const child = run(...args);
  expect(await new Response(child.stderr).text()).toContain(word);
  expect(await child.exited).toBe(2);
});
