import { type LitellmOperation, ok } from './operation.ts';

/** The state of the gateway itself. */
export const gatewayOperations: readonly LitellmOperation[] = [
  ...['/health/liveliness', '/health/liveness'].map(
    (path): LitellmOperation => ({ method: 'GET', path, scope: 'public', run: () => ok("I'm alive!") }),
  ),
  {
    method: 'GET',
    path: '/health/readiness',
    scope: 'public',
    run: () => ok({ status: 'healthy', db: 'connected' }),
  },
];
