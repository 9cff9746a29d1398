import { operations as adminOperations } from '@turnpike/gateway/admin/openapi.ts';
import { BASE_PATH } from '@turnpike/gateway/admin/operation.ts';
import { litellmOperations } from '@turnpike/gateway/faces/litellm/litellm-operations.ts';
import { openrouterFace } from '@turnpike/gateway/faces/openrouter/openrouter-face.ts';
import { vercelFace } from '@turnpike/gateway/faces/vercel/vercel-face.ts';
import type { AdminScope } from '@turnpike/gateway/identity/admin-scope.ts';
import type { ManagementFace } from '@turnpike/gateway/pipeline/services.ts';

/** One operation, as far as it matters who asks. */
export interface Guarded {
  readonly face: 'admin' | ManagementFace;
  readonly method: string;
  readonly path: string;
  /** What it demands; `public`: nothing. */
  readonly scope: AdminScope | 'any' | 'public';
  /** Any key in force may ask, and sees what is its own. */
  readonly isOwnAllowed: boolean;
  readonly isGlobal: boolean;
}

const ofFaces = {
  openrouter: openrouterFace.operations.map((each) => ({ ...each, scope: each.access })),
  vercel: vercelFace.operations.map((each) => ({ ...each, scope: each.access })),
  litellm: litellmOperations,
} as const satisfies Record<ManagementFace, unknown>;

/** Every operation of every management API. */
export const table: readonly Guarded[] = [
  ...adminOperations.map(({ method, path, scope, isGlobal }): Guarded => {
    return {
      face: 'admin',
      method,
      path: BASE_PATH + path,
      scope: scope ?? 'any',
      isOwnAllowed: false,
      isGlobal: isGlobal === true,
    };
  }),
  ...(['openrouter', 'vercel', 'litellm'] as const).flatMap((face) =>
    ofFaces[face].map((each): Guarded => {
      const { method, path, scope } = each;
      const isOwnAllowed = scope === 'caller' || ('isOwnAllowed' in each && each.isOwnAllowed === true);
      return {
        face,
        method,
        path,
        scope: scope === 'caller' ? 'any' : scope,
        isOwnAllowed,
        isGlobal: each.isGlobal === true,
      };
    }),
  ),
];
/** Those that ask for a key. */
export const guarded = table.filter(({ scope }) => scope !== 'public');
