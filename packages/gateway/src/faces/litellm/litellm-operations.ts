import { budgetOperations } from './budget-actions.ts';
import { customerOperations } from './customer-operations.ts';
import { gatewayOperations } from './gateway-operations.ts';
import { keyOperations } from './key-operations.ts';
import { modelOperations } from './model-operations.ts';
import type { LitellmOperation } from './operation.ts';
import { organizationOperations } from './organization-operations.ts';
import { spendOperations } from './spend-operations.ts';
import { tagOperations } from './tag-actions.ts';
import { teamOperations } from './team-operations.ts';
import { userOperations } from './user-operations.ts';

/** Everything the face answers. */
export const litellmOperations: readonly LitellmOperation[] = [
  ...gatewayOperations,
  ...keyOperations,
  ...teamOperations,
  ...userOperations,
  ...customerOperations,
  ...budgetOperations,
  ...tagOperations,
  ...organizationOperations,
  ...spendOperations,
  ...modelOperations,
];
