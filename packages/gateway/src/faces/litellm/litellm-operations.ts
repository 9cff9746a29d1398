import { gatewayOperations } from './gateway-operations.ts';
import { keyOperations } from './key-operations.ts';
import type { LitellmOperation } from './operation.ts';
import { teamOperations } from './team-operations.ts';
import { userOperations } from './user-operations.ts';

/** Everything the face answers. */
export const litellmOperations: readonly LitellmOperation[] = [
  ...gatewayOperations,
  ...keyOperations,
  ...teamOperations,
  ...userOperations,
];
