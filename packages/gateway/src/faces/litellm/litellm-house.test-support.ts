import { jsonPlan } from '@turnpike/emulator/http/wire-plan.ts';
import { type AdminTestHouse, startAdminTestHouse } from '../../admin/admin-house.test-support.ts';
import { ADMIN_KEY, type TestHouseOptions } from '../../testing/gateway.test-support.ts';

/** JSON of an answer of the face, for tests that know what is in it. */
export interface LitellmBody {
  readonly [field: string]: unknown;
  readonly key: string;
  readonly token: string;
  readonly info: LitellmBody;
  readonly team_info: LitellmBody;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string;
  };
}

export interface LitellmAnswer {
  readonly status: number;
  readonly text: string;
  readonly body: LitellmBody;
}

export interface LitellmTestHouse extends AdminTestHouse {
  /** GET without a body, POST with one, unless another method stands before the path; with the admin key by default. */
  ask(path: string, body?: unknown, key?: string): Promise<LitellmAnswer>;
  /** As `ask`, of what must succeed. */
  made(path: string, fields: object): Promise<LitellmBody>;
  /** A key by `/key/generate`. */
  generate(fields: object): Promise<LitellmBody>;
  /** A chat completion that costs 0.00003 USD: ten tokens in, ten out. */
  spend(key: string, fields?: object): Promise<{ status: number; message: string; headers: Headers }>;
}

export const COST = 0.000_03;

export async function startLitellmTestHouse(options?: TestHouseOptions): Promise<LitellmTestHouse> {
  const admin = await startAdminTestHouse(options);
  const { emulator, gateway } = admin.house;
  emulator.script([{ plan: jsonPlan(200, completion) }], { repeat: true });
  const ask = async (asked: string, body?: unknown, key = ADMIN_KEY): Promise<LitellmAnswer> => {
    const [, method = body === undefined ? 'GET' : 'POST', path] = /^(?:(\w+) )?(.*)$/.exec(asked) ?? [];
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { ...(key !== '' && { authorization: `Bearer ${key}` }), 'content-type': 'application/json' },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: JSON.parse(text) };
  };
  const made = async (path: string, fields: object) => {
    const { status, text, body } = await ask(path, fields);
    if (status !== 200) throw new Error(text);
    return body;
  };
  return {
    ...admin,
    ask,
    made,
    generate: (fields) => made('/key/generate', fields),
    async spend(key, fields = {}) {
      const request = { model: 'chat', max_tokens: 10, messages: [{ role: 'user', content: 'Hello.' }], ...fields };
      const response = await admin.house.post('/v1/chat/completions', request, {
        headers: { authorization: `Bearer ${key}` },
      });
      const { error } = (await response.json()) as { error?: { message?: string } };
      return { status: response.status, message: error?.message ?? '', headers: response.headers };
    },
  };
}

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'gpt-test',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 },
};
