import { openDatabase } from '../open-database.ts';
import { type CopiedTable, type CopyOptions, copyStore } from './copy-store.ts';
import { openExisting } from './existing-store.ts';
import { storePieces } from './table-rows.ts';

/**
 * Copies the embedded store of `dataDir` to a PostgreSQL server, as it was at one moment, and reads every row back. Rows
 * that are there from an earlier time are left alone, so that it may be repeated. The embedded store stays as it is.
 *
 * @throws StoreError; the server's database is as before then.
 */
export async function move(
  dataDir: string,
  url: string,
  onProgress?: CopyOptions['onProgress'],
): Promise<CopiedTable[]> {
  const { database: source, schema } = await openExisting({ dataDir });
  try {
    const target = await openDatabase({ url, dataDir });
    try {
      return await source.session('read', (run) =>
        copyStore({ label: source.label, schema, pieces: () => storePieces(source, run, schema) }, target, {
          target: 'any',
          ...(onProgress && { onProgress }),
        }),
      );
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
