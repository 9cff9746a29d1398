/** The kinds of things a rule can be about, and an exchange counts against. */
export const scopeTypes = [
  'key',
  'user',
  'team',
  'organisation',
  'project',
  'end-user',
  'model',
  'provider',
  'tag',
] as const;

export type ScopeType = (typeof scopeTypes)[number];
