import { describe, expect, test } from 'bun:test';
import { faceOfPath, methodsOf, routeOf } from './routes.ts';

describe('routeOf', () => {
  test.each([
    ['/v1/chat/completions', 'openai-chat', 'generate'],
    ['/chat/completions', 'openai-chat', 'generate'],
    ['/api/v1/chat/completions', 'openai-chat', 'generate'],
    ['/v1/chat/completions/', 'openai-chat', 'generate'],
    ['/v1/messages', 'anthropic-messages', 'generate'],
    ['/v1/messages/count_tokens', 'anthropic-messages', 'count-tokens'],
  ])('%s', (path, face, operation) => {
    expect(routeOf(path)).toEqual({ type: 'operation', face, operation } as ReturnType<typeof routeOf>);
  });

  test.each(['key', 'auth/key', 'keys', 'keys/key_01', 'keys/', 'credits', 'generation', 'activity'])(
    "OpenRouter's /api/v1/%s",
    (path) => {
      expect(routeOf(`/api/v1/${path}`)).toEqual({ type: 'management', face: 'openrouter' });
      expect(routeOf(`/openai/v1/${path}`)).toBeUndefined();
    },
  );

  test.each(['credits', 'generation', 'report'])("Vercel's /v1/%s", (path) => {
    expect(routeOf(`/v1/${path}`)).toEqual({ type: 'management', face: 'vercel' });
    expect(routeOf(`/openai/v1/${path}`)).toBeUndefined();
  });

  test.each(['/key/generate', '/team/list/', '/v2/team/list', '/v1/model/info', '/health', '/global/spend/report'])(
    "LiteLLM's %s",
    (path) => expect(routeOf(path)).toEqual({ type: 'management', face: 'litellm' }),
  );

  test.each(['/v1/key', '/v2/spend/logs', '/keys', '/healthz/', '/openai/v1/key/info'])('not %s', (path) =>
    expect(routeOf(path)).not.toEqual({ type: 'management', face: 'litellm' }),
  );

  test('a model id may hold slashes and escapes', () => {
    expect(routeOf('/v1/models/openai/gpt-4o')).toEqual({ type: 'model', id: 'openai/gpt-4o' });
    expect(routeOf('/v1/models/openai%2Fgpt-4o')).toEqual({ type: 'model', id: 'openai/gpt-4o' });
    expect(routeOf('/v1/models/%zz')).toBeUndefined();
  });

  test.each(['/v1', '/v1/chat', '/v2/messages', '/v1/messagesx', '/healthz/x', ''])('%p is no path', (path) => {
    expect(routeOf(path)).toBeUndefined();
  });

  test('methods', () => {
    expect(methodsOf({ type: 'health' })).toContain('HEAD');
    expect(methodsOf({ type: 'operation', face: 'openai-chat', operation: 'generate' })).toEqual(['POST', 'OPTIONS']);
  });

  test('errors about unknown paths are told in the likely dialect', () => {
    expect(faceOfPath('/v1/messages/batches', new Headers())).toBe('anthropic-messages');
    expect(faceOfPath('/v1/models', new Headers({ 'anthropic-version': '2023-06-01' }))).toBe('anthropic-messages');
    expect(faceOfPath('/v1/embeddings', new Headers())).toBe('openai-chat');
  });
});
