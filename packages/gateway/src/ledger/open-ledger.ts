import { join } from 'node:path';
import { FileDisk } from '../runtime/journal-disk.ts';
import { StartError } from '../start-error.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { Ledger } from './ledger.ts';
import type { RecoverOptions } from './recover.ts';

/** Opens the ledger with its journal in `<dataDir>/journal`. @throws StartError when that cannot be written. */
export function openLedger(place: {
  dataDir: string;
  store: Store;
  log: Log;
  /** Default: a name of its own. */
  writerName: string | undefined;
  onJournal: RecoverOptions['onJournal'];
}): Ledger {
  const { dataDir, store, log, onJournal } = place;
  const folder = join(dataDir, 'journal');
  try {
    const { writerName = `${process.pid}-${crypto.randomUUID().slice(0, 8)}` } = place;
    return new Ledger({ disk: new FileDisk(folder), store, log, writerName, onJournal });
  } catch (error) {
    throw new StartError(`The ledger's journal in ${folder} cannot be written: ${String(error)}`);
  }
}
