/** The kinds of things a rule can be about, and an exchange counts against. */
export type ScopeType =
  | 'key'
  | 'user'
  | 'service-account'
  | 'team'
  | 'organisation'
  | 'project'
  | 'end-user'
  | 'model'
  | 'provider'
  | 'tag';
