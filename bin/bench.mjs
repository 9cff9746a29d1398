#!/usr/bin/env node
// Measures the gateway beside its peers: `npm run bench -- [options]`.
import { join } from 'node:path';
import { prepare, root, runBun } from './bootstrap.mjs';

runBun(prepare({ withDevelopmentTools: true }), [
  '--no-install',
  join(root, 'bench/main.ts'),
  ...process.argv.slice(2),
]);
