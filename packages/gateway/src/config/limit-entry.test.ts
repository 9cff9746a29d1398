import { describe, expect, test } from 'bun:test';
import { parseSource } from './document.ts';
import { renderProblem } from './problem.ts';
import { readTurnpikeFile } from './turnpike-file.ts';

function read(text: string) {
  const { document } = parseSource(text, 'turnpike.yaml');
  if (document === undefined) throw new Error('no YAML');
  const { configuration, problems } = readTurnpikeFile(document, '/turnpike.yaml', {});
  return { configuration, problems: problems.map(renderProblem) };
}

const common = { windowMs: 60_000, scope: {}, each: [] };

describe('limits in the file', () => {
  test('at the top level: one rule for each thing counted, scopes and windows of all kinds', () => {
    const { configuration, problems } = read(`
limits:
  - { requests: 10, tokens: 5000, concurrency: 3, per: minute }
  - { inputTokens: 7, per: 90s, scope: { team: web, model: "gpt-*" }, each: [key, endUser] }
  - { outputTokens: 7, per: 7d, scope: { endUser: "*" } }
`);
    expect(problems).toEqual([]);
    expect(configuration?.limits).toEqual([
      { ...common, measure: 'requests', amount: 10 },
      { ...common, measure: 'tokens', amount: 5_000 },
      { ...common, measure: 'concurrency', amount: 3, windowMs: 0 },
      {
        measure: 'inputTokens',
        amount: 7,
        windowMs: 90_000,
        scope: { team: 'web', model: 'gpt-*' },
        each: ['key', 'end-user'],
      },
      { measure: 'outputTokens', amount: 7, windowMs: 604_800_000, scope: { 'end-user': '*' }, each: ['end-user'] },
    ]);
  });

  test('with a queue', () => {
    const { configuration, problems } = read(`
limits:
  - { concurrency: 4, queue: { maxWait: 30s } }
  - requests: 10
    tokens: 20
    per: minute
    queue:
      maxWait: 500ms
      maxLength: 7
      by: endUser
      shares: [{ id: "vip-*", weight: 2.5, priority: high }, { id: bot, priority: low }]
      priorityHeader: any
`);
    expect(problems).toEqual([]);
    const short = { maxWaitMs: 30_000, lengthMax: 100, by: 'key' as const, shares: [], mayRaise: false };
    const long = {
      maxWaitMs: 500,
      lengthMax: 7,
      by: 'end-user' as const,
      shares: [
        { id: 'vip-*', weight: 2.5, priority: 'high' as const },
        { id: 'bot', weight: 1, priority: 'low' as const },
      ],
      mayRaise: true,
    };
    expect(configuration?.limits).toEqual([
      { ...common, measure: 'concurrency', amount: 4, windowMs: 0, queue: short },
      { ...common, measure: 'requests', amount: 10, queue: long },
      { ...common, measure: 'tokens', amount: 20, queue: long },
    ]);
  });

  test('a queue that could not do what it says is refused by name', () => {
    const badly = read(`
limits:
  - { concurrency: 4, queue: {} }
  - { concurrency: 4, queue: { maxWait: 1s, by: model } }
models:
  - { name: m, endpoints: [{ provider: openai, model: x, apiKey: k, limits: [{ concurrency: 1, queue: { maxWait: 1s } }] }] }
`);
    expect(badly.problems).toHaveLength(3);
    expect(badly.problems[0]).toContain('limits[0].queue.maxWait: is missing');
    expect(badly.problems[1]).toContain('limits[1].queue.by: is none of the values known');
    expect(badly.problems[2]).toContain('models[0].endpoints[0].limits[0].queue: unknown key');
    const vainly = read(`
limits:
  - { concurrency: 4, queue: { maxWait: 2h } }
  - { concurrency: 4, scope: { provider: openai }, queue: { maxWait: 1s } }
`);
    expect(vainly.problems).toHaveLength(2);
    expect(vainly.problems[0]).toContain('longer than an hour');
    expect(vainly.problems[1]).toContain('is about a provider');
  });

  test('under a key they are about the key, and the key says whose it is', () => {
    const { configuration } = read(`
keys:
  - { name: bot, key: k, user: ann, team: web, organisation: acme, project: p, tags: [a, b],
      limits: [{ tokens: 100, per: hour, model: "gpt-*", tag: a }, { concurrency: 4 }] }
`);
    expect(configuration?.limits).toEqual([
      {
        measure: 'tokens',
        amount: 100,
        windowMs: 3_600_000,
        scope: { key: 'bot', model: 'gpt-*', tag: 'a' },
        each: [],
      },
      { measure: 'concurrency', amount: 4, windowMs: 0, scope: { key: 'bot' }, each: [] },
    ]);
    expect(configuration?.keys[0]?.scopes).toEqual([
      { type: 'user', id: 'ann' },
      { type: 'team', id: 'web' },
      { type: 'organisation', id: 'acme' },
      { type: 'project', id: 'p' },
      { type: 'tag', id: 'a' },
      { type: 'tag', id: 'b' },
    ]);
  });

  test('under an endpoint they are its own', () => {
    const { configuration } = read(`
models: [{ name: m, endpoints: [{ provider: openai, model: x, limits: [{ requests: 2, per: second }] }] }]
`);
    expect(configuration?.models[0]?.endpoints[0]?.limits).toEqual([
      { measure: 'requests', amount: 2, windowMs: 1_000, scope: {}, each: [] },
    ]);
  });

  test('what makes no limit is told', () => {
    expect(
      read(`
limits:
  - { requests: 10 }
  - { concurrency: 1, per: hour }
  - { per: hour }
  - { requests: 1, per: 400d }
  - { requests: 1, per: hour, scope: { teams: web } }
`).problems,
    ).toEqual([
      'turnpike.yaml:3:5: limits[0]: has no window. Add per: second, minute, hour, day, or a length such as 15m.',
      'turnpike.yaml:4:5: limits[1]: has a window, and concurrency needs none. Take per out.',
      'turnpike.yaml:5:5: limits[2]: limits nothing. Give it one of requests, tokens, inputTokens, outputTokens, concurrency.',
      'turnpike.yaml:6:5: limits[3]: has a window longer than a year. Use a shorter one.',
      'turnpike.yaml:7:40: limits[4].scope.teams: unknown key. Did you mean "team"?',
    ]);
    expect(read('limits: [{ requests: 1, per: fortnight }]').problems).toContain(
      'turnpike.yaml:1:30: limits[0].per: does not have the right form. Write second, minute, hour, day, or a length such as 90s or 15m.',
    );
  });
});
