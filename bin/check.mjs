#!/usr/bin/env node
// The checks without the tests: `npm run check`.
import { prepare } from './bootstrap.mjs';
import { runChecks } from './checks.mjs';

prepare({ withDevelopmentTools: true });
process.exit((await runChecks()) === 0 ? 0 : 1);
