import { ADMIN_KEY, startTestHouse, type TestHouse, type TestHouseOptions } from '../testing/gateway.test-support.ts';
import { operations } from './openapi.ts';
import { BASE_PATH } from './operation.ts';

/** An answer of the admin API; `body` is what its JSON says. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Fields;
}

/** JSON of an answer, for tests that know what is in it. */
export interface Fields {
  readonly [field: string]: unknown;
  readonly id: string;
  readonly key: string;
  readonly version: number;
  readonly data: readonly Fields[];
  readonly nextCursor: string | null;
  readonly policy: Fields;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly field: string | null;
    readonly hint: string | null;
  };
}

export interface CallOptions {
  readonly key?: string | undefined;
  readonly headers?: Record<string, string>;
}

export interface AdminTestHouse {
  readonly house: TestHouse;
  /** Calls the admin API, with the admin key when no other is given. Answers are held to the published schemas. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answered>;
  /** Makes a key and returns it. */
  newKey(fields: Record<string, unknown>): Promise<string>;
  /** Status of a chat completion with this key. */
  chat(key: string, model?: string): Promise<number>;
}

export async function startAdminTestHouse(options?: TestHouseOptions): Promise<AdminTestHouse> {
  const house = await startTestHouse(options);
  const call = (method: string, path: string, body?: unknown, more?: CallOptions) =>
    callAdmin(house.gateway.url, method, path, body, more);
  return {
    house,
    call,
    async newKey(fields) {
      const { status, text, body } = await call('POST', '/keys', fields);
      if (status !== 201) throw new Error(text);
      return body.key;
    },
    async chat(key, model = 'chat') {
      const request = { model, messages: [{ role: 'user', content: 'Hello.' }] };
      const response = await house.post('/v1/chat/completions', request, {
        headers: { authorization: `Bearer ${key}` },
      });
      await response.text();
      return response.status;
    },
  };
}

export async function callAdmin(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  { key = ADMIN_KEY, headers = {} }: CallOptions = {},
): Promise<Answered> {
  const response = await fetch(`${url}${BASE_PATH}${path}`, {
    method,
    headers: { ...(key !== '' && { authorization: `Bearer ${key}` }), ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type') === 'application/json' && text !== '';
  const value = isJson ? JSON.parse(text) : {};
  if (response.ok) requireDescribed(method, path, response.status, value);
  return { status: response.status, headers: response.headers, text, body: value };
}

/** What is answered has to be what `docs/openapi.json` says. */
function requireDescribed(method: string, path: string, status: number, value: unknown): void {
  const segments = (path.split('?')[0] ?? '').split('/');
  const operation = operations.find((each) => {
    const wanted = each.path.split('/');
    const fits =
      wanted.length === segments.length && wanted.every((part, at) => part === '{id}' || part === segments[at]);
    return fits && each.method === method;
  });
  if (operation === undefined) throw new Error(`${method} ${path} is not described, and was answered.`);
  if (operation.status !== status) throw new Error(`${method} ${path} answered ${status}, not ${operation.status}.`);
  const problem = operation.answer?.safeParse(value).error;
  if (problem !== undefined) throw new Error(`${method} ${path} answered otherwise than described: ${problem.message}`);
}
