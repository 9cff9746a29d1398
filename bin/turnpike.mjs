#!/usr/bin/env node
// Starts the gateway: `turnpike [command] [options]`, or `npm start -- [command] [options]`.
import { join } from 'node:path';
import { prepare, root, runBun } from './bootstrap.mjs';

const bun = prepare();
// --no-install: a missing module is an error, never a download. --no-orphans: if this launcher is killed the hard way,
// the gateway does not stay behind.
const args = ['--no-install', '--no-orphans', join(root, 'packages/gateway/src/cli/main.ts'), ...process.argv.slice(2)];
runBun(bun, args);
