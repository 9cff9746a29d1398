#!/usr/bin/env node
// Writes the pages of docs/ that come from code: `npm run docs`.
import { join } from 'node:path';
import { prepare, root, runBun } from './bootstrap.mjs';

runBun(prepare(), ['--no-install', join(root, 'docs/errors-page.ts')]);
