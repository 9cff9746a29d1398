import type { Gateway } from '../gateway.ts';

/** Names listed per reason before the rest is only counted. */
const NAMES_MAX = 6;

/** What a person needs to see at start: where it listens, the new admin key, which models and why, a line to try. */
export function banner(gateway: Gateway, workers = 1): string {
  const lines = [`Turnpike listens on ${gateway.url}${workers > 1 ? ` with ${workers} workers` : ''}`, ''];
  const { adminKey } = gateway;
  if (adminKey.shownOnce !== undefined) {
    lines.push(`  Admin key (shown this once, keep it):  ${adminKey.shownOnce}`, '');
  } else {
    lines.push(`  Admin key: ${KEY_SOURCES[adminKey.source]}`, '');
  }
  lines.push('  Models:', ...modelLines(gateway), '', '  Try it:', '', curl(gateway), '');
  return lines.join('\n');
}

const KEY_SOURCES = {
  environment: 'the one in TURNPIKE_ADMIN_KEY',
  configuration: 'the one in the configuration file',
  stored: 'the one printed at the first start (set TURNPIKE_ADMIN_KEY to use another)',
  generated: '',
} as const;

function modelLines(gateway: Gateway): string[] {
  const byReason = new Map<string, string[]>();
  for (const model of gateway.snapshot.models) {
    const names = byReason.get(model.reason);
    if (names === undefined) byReason.set(model.reason, [model.id]);
    else names.push(model.id);
  }
  if (byReason.size === 0)
    return ['    none yet: set a provider key such as OPENAI_API_KEY, or name models in turnpike.yaml'];
  return [...byReason].map(([reason, names]) => {
    const shown = names.slice(0, NAMES_MAX).join(', ');
    const rest = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : '';
    return `    ${shown}${rest}  (${reason})`;
  });
}

/** A command that works when pasted. A key that is not ours to print again is taken from the environment. */
function curl(gateway: Gateway): string {
  const key = gateway.adminKey.shownOnce ?? '$TURNPIKE_ADMIN_KEY';
  const model = gateway.snapshot.models[0]?.id ?? 'openai/gpt-4o-mini';
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] }).replaceAll("'", "'\\''");
  return [
    `  curl ${gateway.url}/v1/chat/completions \\`,
    `    -H "Authorization: Bearer ${key}" -H "Content-Type: application/json" \\`,
    `    -d '${body}'`,
  ].join('\n');
}
