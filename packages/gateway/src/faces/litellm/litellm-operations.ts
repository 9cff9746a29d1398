import { gatewayOperations } from './gateway-operations.ts';
import { keyOperations } from './key-operations.ts';
import type { LitellmOperation } from './operation.ts';

/** Everything the face answers. */
export const litellmOperations: readonly LitellmOperation[] = [...gatewayOperations, ...keyOperations];
