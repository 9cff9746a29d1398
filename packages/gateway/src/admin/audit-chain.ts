import type { SecretDigest } from '../identity/secret-digest.ts';
import type { AuditRow, Store } from '../store/store.ts';

const PAGE = 500;
/** What `Records.commit` notes the last entry under. */
const AUDIT_HEAD = 'audit_head';

/** The entry with its hash, which covers everything in it and, through the hash before, everything earlier. */
export function chained(digest: SecretDigest, entry: Omit<AuditRow, 'hash'>): AuditRow {
  return { ...entry, hash: hashOf(digest, entry) };
}

export type Verdict =
  | { readonly isIntact: true; readonly entries: number }
  | { readonly isIntact: false; readonly entries: number; readonly seq: number; readonly reason: string };

/**
 * Reads the audit log from its beginning. An entry that was changed, left out, put in or moved is found, and so is a log
 * whose end was cut off.
 */
export async function verifyAudit(store: Store, digest: SecretDigest): Promise<Verdict> {
  let entries = 0;
  let previousHash = '';
  for await (const row of auditEntries(store)) {
    const broken = (reason: string): Verdict => ({ isIntact: false, entries, seq: entries + 1, reason });
    if (row.seq !== entries + 1) return broken(`entry ${entries + 1} is missing`);
    if (row.previousHash !== previousHash) return broken(`entry ${row.seq} does not follow the one before`);
    if (row.hash !== hashOf(digest, row)) return broken(`entry ${row.seq} was changed`);
    entries += 1;
    previousHash = row.hash;
  }
  const [noted = 0, hash = ''] = readNote(await store.readMeta(AUDIT_HEAD));
  const isEndThere =
    noted === entries ? hash === previousHash : noted < entries || (await store.records.head()).seq >= noted;
  if (!isEndThere || (entries > 0 && noted === 0)) {
    return { isIntact: false, entries, seq: entries + 1, reason: 'the end is missing' };
  }
  return { isIntact: true, entries };
}

function readNote(text = ''): [number?, string?] {
  const [seq, hash] = text.split(' ');
  return seq === undefined || seq === '' ? [] : [Number(seq), hash];
}

/** All entries, the earliest first. */
export async function* auditEntries(store: Store): AsyncGenerator<AuditRow> {
  let after = 0;
  for (;;) {
    const page = await store.records.audit({ limit: PAGE, after });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

function hashOf(digest: SecretDigest, row: Omit<AuditRow, 'hash'>): string {
  // As a list: names could be given in any order, and absence is not emptiness.
  const text = JSON.stringify([
    row.seq,
    row.atMs,
    row.actorId,
    row.actorName,
    row.origin,
    row.action,
    row.kind,
    row.entityId,
    row.before ?? null,
    row.after ?? null,
    row.previousHash,
  ]);
  return digest.ofAuditEntry(text);
}
