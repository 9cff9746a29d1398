import { type AdminTestHouse, startAdminTestHouse } from '../admin/admin-house.test-support.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';

/** JSON of an answer, for tests that know what is in it. */
export interface FaceFields {
  readonly [field: string]: unknown;
}

export interface FaceAnswered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: { readonly data: FaceFields; readonly error: FaceFields; readonly [field: string]: unknown };
}

export interface FaceTestHouse extends AdminTestHouse {
  /** Calls the gateway, with the admin key when no other is given. */
  ask(method: string, path: string, body?: unknown, key?: string): Promise<FaceAnswered>;
}

export async function startFaceTestHouse(): Promise<FaceTestHouse> {
  const admin = await startAdminTestHouse();
  return {
    ...admin,
    async ask(method, path, body, key = ADMIN_KEY) {
      const response = await fetch(`${admin.house.gateway.url}${path}`, {
        method,
        headers: key === '' ? {} : { authorization: `Bearer ${key}` },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text, body: text === '' ? {} : JSON.parse(text) };
    },
  };
}
