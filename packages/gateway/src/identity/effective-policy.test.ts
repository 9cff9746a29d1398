import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import fc from 'fast-check';
import { byokModes } from '../config/byok.ts';
import { type Policy, policyOperations } from '../config/policy.ts';
import { withGroups } from './build-caller.ts';
import {
  allowsAddress,
  allowsName,
  allowsOperation,
  type EffectivePolicy,
  effectivePolicy,
  isExpired,
  meetOf,
  missingRequestTags,
  missingTags,
} from './effective-policy.ts';
import type { StoredPolicy } from './entity.ts';

/** Something a key is used for. */
interface Use {
  model: string;
  provider: string;
  endpoint: string;
  operation: (typeof policyOperations)[number];
  address: string;
  outputTokens: number;
  nowMs: number;
  tags: string[];
  /** Whose credential pays. */
  payer: 'own' | 'shared';
}

function isAllowed(policy: EffectivePolicy, use: Use): boolean {
  return (
    allowsName(policy.models, use.model) &&
    allowsName(policy.providers, use.provider) &&
    allowsName(policy.endpoints, use.endpoint) &&
    allowsOperation(policy, use.operation) &&
    allowsAddress(policy, use.address) &&
    (policy.outputTokensMax === undefined || use.outputTokens <= policy.outputTokensMax) &&
    !isExpired(policy, use.nowMs) &&
    missingTags(policy, use.tags).length === 0 &&
    policy.credentials[use.payer] &&
    missingRequestTags(policy, use.tags).length === 0
  );
}

/** What one level says, told without any of the code under test. */
function levelAllows(level: Policy, use: Use): boolean {
  const named = (patterns: readonly string[] | undefined, name: string) =>
    patterns === undefined ||
    patterns.some((pattern) => new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`, 's').test(name));
  return (
    named(level.models, use.model) &&
    named(level.providers, use.provider) &&
    named(level.endpoints, use.endpoint) &&
    (level.operations?.includes(use.operation) ?? true) &&
    (level.ipAllow?.some((range) => range === use.address || range === `${use.address.slice(0, 4)}.0.0/16`) ?? true) &&
    use.outputTokens <= (level.outputTokensMax ?? Number.POSITIVE_INFINITY) &&
    use.nowMs < (level.expiresAtMs ?? Number.POSITIVE_INFINITY) &&
    (level.tagsRequired ?? []).every((tag) => use.tags.includes(tag)) &&
    { prefer: true, fallback: true, only: use.payer === 'own', never: use.payer === 'shared' }[
      level.byok ?? 'prefer'
    ] &&
    (level.requestTagsRequired ?? []).every((tag) => (tag === 'b*' ? use.tags.includes('b') : use.tags.includes(tag)))
  );
}

const name = fc.constantFrom('gpt-4o', 'gpt-4o-mini', 'claude', 'a*b', '');
const patterns = fc.array(fc.constantFrom('*', 'gpt-*', 'gpt-4o', '*mini', 'g*4*', 'claude', 'x'), { maxLength: 3 });
const address = fc.constantFrom('10.1.2.3', '10.2.9.9', '10.1.0.7');
const wholePolicy = fc.record({
  models: patterns,
  providers: patterns,
  endpoints: patterns,
  operations: fc.subarray([...policyOperations]),
  outputTokensMax: fc.integer({ min: 1, max: 5 }),
  ipAllow: fc.array(fc.constantFrom('10.1.0.0/16', '10.2.0.0/16', '10.1.2.3'), { maxLength: 2 }),
  expiresAtMs: fc.integer({ min: 1, max: 5 }),
  tagsRequired: fc.subarray(['a', 'b']),
  byok: fc.constantFrom(...byokModes),
  requestTagsRequired: fc.subarray(['a', 'b*']),
});
const fields = [
  'models',
  'providers',
  'endpoints',
  'operations',
  'outputTokensMax',
  'ipAllow',
  'expiresAtMs',
  'tagsRequired',
  'byok',
  'requestTagsRequired',
];
/** One or two fields of it: with all of them hardly anything would be allowed, and little be compared. */
const anyPolicy: fc.Arbitrary<Policy> = fc
  .tuple(wholePolicy, fc.subarray(fields, { maxLength: 2 }))
  .map(([policy, kept]) => Object.fromEntries(Object.entries(policy).filter(([field]) => kept.includes(field))));
const anyUse: fc.Arbitrary<Use> = fc.record({
  model: name,
  provider: name,
  endpoint: name,
  operation: fc.constantFrom(...policyOperations),
  address,
  outputTokens: fc.integer({ min: 1, max: 6 }),
  nowMs: fc.integer({ min: 0, max: 6 }),
  tags: fc.subarray(['a', 'b']),
  payer: fc.constantFrom('own', 'shared'),
});
const anyLevels = fc.array(anyPolicy, { maxLength: 4 });

describe('the effective policy', () => {
  test('allows what every level allows, and nothing else', () => {
    let allowed = 0;
    fc.assert(
      fc.property(anyLevels, anyUse, (levels, use) => {
        const meet = isAllowed(effectivePolicy(levels), use);
        if (meet && levels.length > 1) allowed++;
        expect(meet).toBe(levels.every((level) => levelAllows(level, use)));
      }),
      { numRuns: 5_000 },
    );
    expect(allowed).toBeGreaterThan(200);
  });

  test('is never wider for a level more, and the same in any order', () => {
    fc.assert(
      fc.property(anyLevels, anyPolicy, anyUse, (levels, more, use) => {
        const narrower = isAllowed(effectivePolicy([...levels, more]), use);
        if (narrower) expect(isAllowed(effectivePolicy(levels), use)).toBe(true);
        expect(isAllowed(effectivePolicy([more, ...levels].reverse()), use)).toBe(narrower);
      }),
      { numRuns: 3_000 },
    );
  });

  test('the shared credential steps in for a failed one when a level says so, and none says otherwise', () => {
    const said = (...modes: Policy['byok'][]) => effectivePolicy(modes.map((byok) => ({ byok }))).credentials.fallsBack;
    expect([said(), said(undefined), said('fallback'), said(undefined, 'fallback')]).toEqual([
      undefined,
      undefined,
      true,
      true,
    ]);
    for (const mode of ['prefer', 'only', 'never'] as const) expect(said('fallback', mode)).toBe(false);
    const [nothing, falls, stays] = [{}, { byok: 'fallback' }, { byok: 'prefer' }].map((level) =>
      effectivePolicy([level as Policy]),
    ) as [EffectivePolicy, EffectivePolicy, EffectivePolicy];
    expect(meetOf(falls, nothing).credentials.fallsBack).toBe(true);
    expect(meetOf(nothing, falls).credentials.fallsBack).toBe(true);
    expect(meetOf(falls, stays).credentials.fallsBack).toBe(false);
  });

  test('an address that is not known, or a range that cannot be read, allows nobody', () => {
    expect(allowsAddress(effectivePolicy([{ ipAllow: ['0.0.0.0/0'] }]), undefined)).toBe(false);
    expect(allowsAddress(effectivePolicy([{ ipAllow: ['nonsense'] }]), '10.0.0.1')).toBe(false);
    expect(allowsAddress(effectivePolicy([{}]), undefined)).toBe(true);
  });

  test('docs/keys.md shows what it does', async () => {
    expect(await Bun.file(join(import.meta.dir, '../../../../docs/keys.md')).text()).toContain(truthTable());
  });
});

const uses: Use[] = ['gpt-4o', 'claude'].flatMap((model) =>
  [10, 1_000].map((outputTokens) => ({
    model,
    outputTokens,
    provider: 'openai',
    endpoint: 'openai/gpt-4o',
    operation: 'generate',
    address: '10.1.2.3',
    nowMs: 0,
    tags: [],
    payer: 'shared',
  })),
);

/** Rows of levels, and what a key under them may do. */
function truthTable(): string {
  const rows: [StoredPolicy, StoredPolicy, StoredPolicy][] = [
    [{}, {}, {}],
    [{ models: ['gpt-*'] }, {}, {}],
    [{ models: ['gpt-*'] }, {}, { models: ['*'] }],
    [{ models: ['gpt-*'] }, {}, { models: ['claude'] }],
    [{}, { models: [] }, { models: ['*'] }],
    [{ modelGroups: ['fast'] }, {}, {}],
    [{ modelGroups: ['fast'], models: ['claude'] }, {}, { models: ['*'] }],
    [{ modelGroups: ['fast'] }, { models: ['claude'] }, {}],
    [{}, { modelGroups: ['gone'] }, {}],
    [{}, { outputTokensMax: 100 }, { outputTokensMax: 5_000 }],
    [{ outputTokensMax: 5_000 }, { models: ['claude'] }, { outputTokensMax: 100 }],
    [{}, { providers: ['anthropic'] }, {}],
    [{ ipAllow: ['10.0.0.0/8'] }, {}, { ipAllow: ['10.1.0.0/16'] }],
    [{ ipAllow: ['10.0.0.0/8'] }, {}, { ipAllow: ['192.168.0.0/16'] }],
    [{}, { tagsRequired: ['cost-centre'] }, {}],
  ];
  const groups = { modelsOfGroup: (name: string) => (name === 'fast' ? ['gpt-*'] : undefined) };
  const written = (policy: StoredPolicy) =>
    Object.entries(policy)
      .map(([field, value]) => `\`${field}: ${Array.isArray(value) ? `[${value.join(', ')}]` : value}\``)
      .join(' ') || '–';
  const lines = rows.map((levels) => {
    const effective = effectivePolicy(levels.map((level) => withGroups(level, groups)));
    const answers = uses.map((use) => (isAllowed(effective, use) ? 'yes' : 'no'));
    return `| ${[...levels.map(written), ...answers].join(' | ')} |`;
  });
  return [
    '| organisation | team | key | gpt-4o, 10 | gpt-4o, 1000 | claude, 10 | claude, 1000 |',
    '|---|---|---|---|---|---|---|',
    ...lines,
  ].join('\n');
}
