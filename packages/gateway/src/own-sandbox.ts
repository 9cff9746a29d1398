import type { Sandbox } from '@turnpike/emulator/sandbox.ts';

export interface OwnSandbox extends Sandbox {
  /** Names of its models. */
  models: readonly string[];
}

/** Starts the stand-in provider of the first start. Loaded only where it is wanted: a gateway with providers does without its code. */
export async function startOwnSandbox(): Promise<OwnSandbox> {
  const { startSandbox } = await import('@turnpike/emulator/sandbox.ts');
  const { sandboxModels } = await import('@turnpike/emulator/sandbox/answer-request.ts');
  return { ...(await startSandbox()), models: sandboxModels };
}
