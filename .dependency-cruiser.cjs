// Which file may import which. Floors, bottom to top; a file imports from its own floor or from lower ones:
//
//   packages/wire
//   packages/gateway/src:  catalog providers quota fleet redis runtime → config → store ledger routing policy identity telemetry
//                          → exchange.ts pipeline → http admin → faces → compose.ts → cli
//
// Type-only imports count. Tests may reach anywhere inside their package. A rule without a reason does not belong here.

const gateway = '^packages/gateway/src/';
/** Tests and what only they use. */
const test = '(\\.test(-support)?\\.tsx?$|/testing/)';

/** Folders of the gateway by floor. A folder missing here is held to the circle rule only: name it when it appears. */
const floors = [
  ['catalog', 'providers', 'quota', 'fleet', 'redis', 'runtime'],
  ['config'],
  ['store', 'ledger', 'routing', 'policy', 'identity', 'telemetry'],
  ['exchange\\.ts', 'pipeline'],
  ['admin', 'http'],
  ['faces'],
  ['gateway\\.ts', 'rules-in-force\\.ts', 'compose\\.ts'],
  ['cli'],
];

const anyOf = (names) => `${gateway}(${names.map((name) => (name.includes('.') ? `${name}$` : `${name}/`)).join('|')})`;

const upward = floors.slice(0, -1).map((floor, at) => ({
  name: `gateway-downward-${floor.at(-1).replace('\\.ts', '')}`,
  severity: 'error',
  comment: `${floor.join(', ').replaceAll('\\', '')} must not know the floors above: what is above can change or go without being asked.`,
  from: { path: anyOf(floor), pathNot: test },
  to: { path: anyOf(floors.slice(at + 1).flat()) },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circle',
      severity: 'error',
      comment:
        'Files that need each other, even only for a type, are one subject: merge them or split out what both need.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      comment: 'An import that leads nowhere also hides from every other rule.',
      from: {},
      to: { couldNotResolve: true, pathNot: '^bun(:|$)' },
    },
    {
      name: 'wire-is-pure',
      severity: 'error',
      comment: 'The codecs run in server, SDK and browser alike: no package, no platform, nothing of the gateway.',
      from: { path: '^packages/wire/src/', pathNot: test },
      to: { pathNot: '^packages/wire/src/' },
    },
    {
      name: 'dialects-apart',
      severity: 'error',
      comment: 'Dialects meet in the canon only. One that imports another brings back a codec for every pair.',
      from: { path: '^packages/wire/src/dialects/([^/]+)/', pathNot: test },
      to: { path: '^packages/wire/src/dialects/[^/]+/', pathNot: '^packages/wire/src/dialects/$1/' },
    },
    {
      name: 'canon-at-the-bottom',
      severity: 'error',
      comment: 'The neutral model must not lean towards any vocabulary, or it stops being neutral.',
      from: { path: '^packages/wire/src/(canon|json|framing)/', pathNot: test },
      to: { path: '^packages/wire/src/(dialects|operations)/' },
    },
    {
      name: 'emulator-knows-wire-only',
      severity: 'error',
      comment: 'A stand-in provider that shared code with the gateway would repeat its mistakes and hide them.',
      from: { path: '^packages/emulator/src/', pathNot: test },
      to: { path: '^packages/', pathNot: '^packages/(emulator|wire)/src/' },
    },
    {
      name: 'sandbox-through-compose',
      severity: 'error',
      comment: 'Only the place that builds things may choose a stand-in provider; nothing else may depend on one.',
      from: { path: '^packages/gateway/src/', pathNot: [test, `${gateway}own-sandbox\\.ts$`] },
      to: { path: '^packages/emulator/' },
    },
    {
      name: 'policy-knows-no-vendor',
      severity: 'error',
      comment: 'A limit or guard that knows one dialect or provider silently lets the others pass: it reads the canon.',
      from: { path: `${gateway}policy/`, pathNot: test },
      to: { path: ['^packages/wire/src/dialects/', `${gateway}providers/`] },
    },
    {
      name: 'plan-is-pure',
      severity: 'error',
      comment: 'A plan is decided from what it is given, so that a dry run and the log show what would really happen.',
      from: { path: `${gateway}routing/plan`, pathNot: test },
      to: {
        path: ['^packages/gateway/', 'node_modules', '^node:', '^bun'],
        pathNot: `${gateway}(routing/|config/snapshot\\.ts$|catalog/price\\.ts$|providers/provider\\.ts$)`,
      },
    },
    {
      name: 'plan-has-no-platform',
      severity: 'error',
      comment: 'As above: no clock, no files, no network behind a plan.',
      from: { path: `${gateway}routing/plan`, pathNot: test },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'store-through-its-interface',
      severity: 'error',
      comment:
        'Everything but the place that builds it, and the commands that look after it, sees a store as store.ts says.',
      from: { path: gateway, pathNot: [test, `${gateway}store/`, `${gateway}(compose|cli/store-commands)\\.ts$`] },
      to: { path: `${gateway}store/`, pathNot: `${gateway}store/store\\.ts$` },
    },
    {
      name: 'no-test-imports',
      severity: 'error',
      comment: 'What runs in production must not lean on a test.',
      from: { pathNot: [test, '^conformance/', '^bench/'] },
      to: { path: test },
    },
    ...upward,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^bench/(peers|results)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
    },
    builtInModules: { add: ['bun', 'bun:sqlite', 'bun:test', 'bun:ffi', 'bun:jsc'] },
  },
};
