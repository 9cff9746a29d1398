import { describe, expect, test } from 'bun:test';
import { runtimeDependencies } from './dependencies.mjs';

describe('runtime dependencies', () => {
  const found = runtimeDependencies();

  test('are few, and pinned', () => {
    expect(found.length).toBeLessThanOrEqual(24);
    for (const { version } of found) expect(version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('need no install script: only Bun has one, and the launcher does without it', () => {
    expect(found.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name)).toEqual(['bun']);
  });

  test('development packages and links to workspaces are not among them', () => {
    const lock = {
      packages: {
        '': {},
        'node_modules/kept': { version: '1.0.0' },
        'packages/a/node_modules/nested': { version: '2.0.0', hasInstallScript: true },
        'node_modules/tool': { version: '1.0.0', dev: true },
        'node_modules/@turnpike/wire': { link: true },
        'node_modules/@oven/bun-linux-x64': { version: '1.0.0', optional: true },
      },
    };
    expect(runtimeDependencies(JSON.stringify(lock))).toEqual([
      { name: 'kept', version: '1.0.0', hasInstallScript: false },
      { name: 'nested', version: '2.0.0', hasInstallScript: true },
    ]);
  });
});
