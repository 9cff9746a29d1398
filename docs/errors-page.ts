// The text of errors.md. Run by itself (`npm run docs`) it writes the page; a test compares the two.
import { join } from 'node:path';
import { type FaultCode, faults } from '../packages/wire/src/fault.ts';

export const errorsFile = join(import.meta.dir, 'errors.md');

const blames = {
  caller: 'the caller: the request, or what it was sent with',
  operator: 'the operator: configuration, credentials, permissions',
  upstream: 'nobody here: the provider or the way to it',
  gateway: 'the operator, if it lasts: the gateway itself',
} as const;

const retries = {
  never: 'The same request fails again.',
  later: 'The same request may succeed after a wait.',
  elsewhere: 'Another endpoint may serve it; the gateway tries those of the plan by itself.',
} as const;

export function errorsPage(): string {
  const codes = Object.keys(faults) as FaultCode[];
  return `# Errors

<!-- Written by docs/errors-page.ts from packages/wire/src/fault.ts. Change that file, then run: npm run docs -->

Every failure has one of ${codes.length} codes. It is answered in the caller's own dialect, with the status below, and is found under
its code in the log. When a provider said something itself, its status, message and request id come along; then the
status may be the provider's instead of the one in the table. After a stream has begun the status is already sent: the
fault comes as the stream's last event, in the same words.

Who must act:

${list(blames)}

What helps:

${list(retries)}

| code | status | who must act | what helps | meaning |
|---|---|---|---|---|
${codes.map(row).join('\n')}
`;
}

function row(code: FaultCode): string {
  const { status, blame, retry, says } = faults[code];
  return `| \`${code}\` | ${status} | ${blame} | ${retry} | ${says} |`;
}

function list(words: Readonly<Record<string, string>>): string {
  return Object.entries(words)
    .map(([word, meaning]) => `- \`${word}\`: ${meaning}`)
    .join('\n');
}

if (import.meta.main) {
  await Bun.write(errorsFile, errorsPage());
  process.stdout.write('Written: docs/errors.md\n');
}
