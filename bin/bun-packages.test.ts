import { expect, test } from 'bun:test';
import { bunPackages } from './bun-packages.mjs';

const { optionalDependencies } = await Bun.file(
  new URL('../node_modules/bun/package.json', import.meta.url).pathname,
).json();

test.each([
  ['linux', 'x64', false, 'bun-linux-x64'],
  ['linux', 'arm64', false, 'bun-linux-aarch64'],
  ['linux', 'x64', true, 'bun-linux-x64-musl'],
  ['linux', 'arm64', true, 'bun-linux-aarch64-musl'],
  ['darwin', 'x64', false, 'bun-darwin-x64'],
  ['darwin', 'arm64', false, 'bun-darwin-aarch64'],
  ['win32', 'x64', false, 'bun-windows-x64'],
  ['win32', 'arm64', false, 'bun-windows-aarch64'],
  ['freebsd', 'x64', false, 'bun-freebsd-x64'],
  ['android', 'arm64', false, 'bun-linux-aarch64-android'],
])('%s on %s (musl: %p) is served by a package that exists: %s', (platform, arch, musl, name) => {
  expect(bunPackages(platform, arch, musl)[0]).toBe(name);
  expect(Object.keys(optionalDependencies)).toContain(`@oven/${name}`);
});

test('a baseline build is taken where only that one is installed', () => {
  expect(bunPackages('linux', 'x64', true)).toEqual(['bun-linux-x64-musl', 'bun-linux-x64-musl-baseline']);
});

test('machines that Bun is not built for have none', () => {
  expect(bunPackages('linux', 'ppc64', false)).toEqual([]);
  expect(bunPackages('sunos', 'x64', false)).toEqual([]);
});
