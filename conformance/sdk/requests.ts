import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';

/** The same wish in the words of each official SDK. */
export type Wish = Record<DialectId, JsonObject>;

const CITY = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

/** A one-pixel PNG and an empty PDF: what matters is that the bytes arrive. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
export const PDF = 'JVBERi0xLjQKJSVFT0YK';

export const text: Wish = {
  'openai-chat': {
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Say hello — ünïcode 🌍' },
    ],
  },
  'anthropic-messages': { system: 'Be brief.', messages: [{ role: 'user', content: 'Say hello — ünïcode 🌍' }] },
};

export const tools: Wish = {
  'openai-chat': {
    messages: [{ role: 'user', content: 'Weather?' }],
    tools: [
      { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters: CITY } },
      { type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } },
    ],
  },
  'anthropic-messages': {
    messages: [{ role: 'user', content: 'Weather?' }],
    tools: [
      { name: 'get_weather', description: 'The weather', input_schema: CITY },
      { name: 'now', input_schema: { type: 'object', properties: {} } },
    ],
  },
};

/** The second turn of a tool conversation: history as the SDK gave it, and each call's result. */
export function toolResults(
  client: DialectId,
  first: JsonObject,
  message: JsonObject,
  results: readonly { id: string; text: string }[],
): JsonObject {
  const history = first.messages as JsonObject[];
  if (client === 'openai-chat') {
    const told = results.map(({ id, text }) => ({ role: 'tool', tool_call_id: id, content: text }));
    return { ...first, messages: [...history, message, ...told] };
  }
  const told = results.map(({ id, text }) => ({ type: 'tool_result', tool_use_id: id, content: text }));
  return { ...first, messages: [...history, message, { role: 'user', content: told }] };
}

export const media: Wish = {
  'openai-chat': {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG}` } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${PDF}` } },
        ],
      },
    ],
  },
  'anthropic-messages': {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PNG } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
          { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: PDF } },
        ],
      },
    ],
  },
};

export const structured: Wish = {
  'openai-chat': {
    messages: [{ role: 'user', content: 'Which city?' }],
    response_format: { type: 'json_schema', json_schema: { name: 'city', strict: true, schema: CITY } },
  },
  'anthropic-messages': {
    messages: [{ role: 'user', content: 'Which city?' }],
    output_config: { format: { type: 'json_schema', schema: CITY } },
  },
};

export const thinking: Wish = {
  'openai-chat': { ...tools['openai-chat'], reasoning_effort: 'high', max_completion_tokens: 20_000 },
  'anthropic-messages': {
    ...tools['anthropic-messages'],
    max_tokens: 20_000,
    thinking: { type: 'enabled', budget_tokens: 10_000 },
  },
};

export const bounded: Wish = {
  'openai-chat': { messages: [{ role: 'user', content: 'Count' }], stop: ['END', 'FIN'], max_completion_tokens: 7 },
  'anthropic-messages': {
    messages: [{ role: 'user', content: 'Count' }],
    stop_sequences: ['END', 'FIN'],
    max_tokens: 7,
  },
};
