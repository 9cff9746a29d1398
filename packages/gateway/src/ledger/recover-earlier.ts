import type { Ledger } from './ledger.ts';

/** How often to look whether others have ended. */
const LOOK_MS = 50;

/**
 * Enters what earlier runs left behind, before anything new counts.
 *
 * @param waitMs At most; the rest goes on behind the traffic.
 * @param outlived Others that still run on this folder are about to end, and are waited for: what they have under way
 * counts too.
 */
export async function recoverEarlier(
  ledger: Pick<Ledger, 'recover'>,
  waitMs: number,
  outlived: boolean,
): Promise<void> {
  const untilMs = performance.now() + waitMs;
  const all = async () => {
    for (let found = await ledger.recover(); outlived && (found?.living ?? 0) > 0; found = await ledger.recover()) {
      if (performance.now() >= untilMs) return;
      await Bun.sleep(LOOK_MS);
    }
  };
  await Promise.race([all(), Bun.sleep(waitMs)]);
}
