// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are part of what files hold
import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { buildSnapshot } from './build.ts';
import type { ReadContext } from './read-context.ts';
import { readConfigurationText } from './read-file.ts';
import { describeAvailability } from './report.ts';

const environment = { A: '7', OPENAI_API_KEY: 'k' };
const context: ReadContext = {
  file: 'config.yaml',
  path: '/config.yaml',
  environment,
  readInclude: async (path) => ({ file: path, line: 0, column: 0, path: '', message: 'there is no such file' }),
};

const names = (
  'server port adminKey keys name key models endpoints provider model price input output tiers providers id baseUrl auth ' +
  'fallbacks defaults deadlines model_list model_name litellm_params model_info litellm_settings router_settings ' +
  'general_settings include environment_variables api_key api_base weight order timeout credential_list __proto__ *'
).split(' ');

const leaf = fc.oneof(
  fc.constantFrom(
    'openai/gpt-4o',
    '*',
    'openai/*',
    '${A}',
    '${A:-1}',
    'os.environ/A',
    'gpt-4o',
    'bedrock/x',
    'groq/x',
    '',
    ' ',
  ),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);

const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...names), tie('tree'), { maxKeys: 5 }),
  ),
}));

const litellmEntry = fc.record({
  model_name: leaf,
  litellm_params: fc.record({ model: leaf, api_base: leaf, rpm: leaf, order: leaf }),
  model_info: tree,
});
const likelyFile = fc.oneof(
  tree,
  fc.record({ models: fc.array(fc.record({ name: leaf, endpoints: fc.array(fc.oneof(leaf, tree)) })), keys: tree }),
  fc.record({ model_list: fc.array(litellmEntry), router_settings: tree, environment_variables: tree }),
);

/** Either something works or something is said, and nothing throws. */
async function readAnd(text: string): Promise<void> {
  const read = await readConfigurationText(text, context);
  if (read.configuration === undefined) {
    expect(read.problems.length).toBeGreaterThan(0);
    return;
  }
  describeAvailability(read.configuration, environment);
  const snapshot = buildSnapshot(read.configuration, environment, { version: 1 });
  for (const model of ['gpt-4o', 'openai/x', '*', '']) {
    for (const endpoint of snapshot.resolveModel(model)?.endpoints ?? []) expect(endpoint.weight).toBeGreaterThan(0);
  }
  expect(snapshot.nearNames('gpt').length).toBeLessThanOrEqual(5);
}

test('whatever a file says, it works or the problem is told', async () => {
  await fc.assert(
    fc.asyncProperty(likelyFile, (value) => readAnd(stringify(value))),
    { numRuns: 300 },
  );
});

test('whatever a file holds, it works or the problem is told', async () => {
  const unit = fc.constantFrom(...Array.from(`a: \n-[]{}&*"'#!|>%@\t`), 'model_list', 'models', '${');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit, maxLength: 60 }), (text) => readAnd(text)),
    { numRuns: 500 },
  );
});
