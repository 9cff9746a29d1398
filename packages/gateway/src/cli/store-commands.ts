import { resolve } from 'node:path';
import type { Environment } from '../config/configuration.ts';
import { openStore } from '../store/open-store.ts';
import { type Store, StoreError } from '../store/store.ts';
import { type StorePlace, storePlace } from '../store/store-place.ts';
import { backUp } from '../store/upkeep/backup.ts';
import type { CopiedTable } from '../store/upkeep/copy-store.ts';
import { migrateStore } from '../store/upkeep/migrate-store.ts';
import { move } from '../store/upkeep/move.ts';
import { restore } from '../store/upkeep/restore.ts';
import type { StoreCommand } from './store-options.ts';

/** Runs one and prints what came of it; results on stdout, progress on stderr. @throws StoreError */
export async function runStoreCommand(command: StoreCommand, environment: Environment): Promise<void> {
  const place = storePlace(environment);
  switch (command.name) {
    case 'migrate':
      return say(await migrated(command.isDryRun, place));
    case 'backup': {
      const bytes = await backUp(place, resolve(command.file));
      return say(`Wrote ${command.file} (${count(bytes)} bytes).`);
    }
    case 'restore':
      return say(`${table(await restore(resolve(command.file), place, progress))}\nRestored, and every row compared.`);
    case 'move': {
      const url = command.to ?? place.url;
      if (!url) throw new StoreError('unusable', 'Say where to: --to postgres://user:password@host:5432/database.');
      const copied = await move(place.dataDir, url, progress);
      return say(
        `${table(copied)}\nMoved, and every row compared. Start the gateway with DATABASE_URL set to that address.`,
      );
    }
  }
}

/** Opens the store of the environment for a command that only reads or writes what is in it. @throws StoreError */
export async function withStore<T>(environment: Environment, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(storePlace(environment));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

async function migrated(isDryRun: boolean, place: StorePlace): Promise<string> {
  const { label, version, known } = await migrateStore(place, { isDryRun });
  if (version >= known) return `${label} is at schema ${version}; nothing to do.`;
  return `${label} ${isDryRun ? 'would go' : 'went'} from schema ${version} to ${known}.`;
}

function table(copied: readonly CopiedTable[]): string {
  return copied
    .map(({ table, rows, added, totals }) => {
      const sums = [...totals].map(([name, total]) => `, ${name} ${total}`).join('');
      return `${table}: ${count(rows)} rows (${count(added)} of them new)${sums}`;
    })
    .join('\n');
}

function progress(table: string, rows: number): void {
  process.stderr.write(`  ${table}: ${count(rows)} rows\n`);
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
