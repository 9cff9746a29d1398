import type { AdminHouse } from '../../admin/admin-context.ts';
import { nowMs } from '../../runtime/clock.ts';
import { newExchangeId } from '../../runtime/exchange-id.ts';

/** As the admin API takes them, without what could pass for an id. */
const FIT = /^[A-Za-z0-9][A-Za-z0-9.@+-]{0,99}$/;
const KEPT_MAX = 60;
const RANDOM_DIGITS = 8;

/**
 * The name a key is to have here: unique, and of few characters, since limits and the log go by it. OpenRouter's names
 * are neither, so one that will not do gets a short random end.
 */
export async function entityNameFor(house: AdminHouse, wanted: string): Promise<string> {
  if (FIT.test(wanted) && !(await isTaken(house, wanted))) return wanted;
  const kept = wanted
    .replace(/[^A-Za-z0-9.@+-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, KEPT_MAX);
  return `${kept === '' ? 'key' : kept}-${newExchangeId(nowMs()).slice(-RANDOM_DIGITS)}`;
}

async function isTaken({ store, snapshot }: AdminHouse, name: string): Promise<boolean> {
  if (name === 'admin' || snapshot().keys.some((configured) => configured.name === name)) return true;
  return (await store.records.entityNamed('key', name)) !== undefined;
}
