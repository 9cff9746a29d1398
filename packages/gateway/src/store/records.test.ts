import { describe, expect, test } from 'bun:test';
import { onEachDatabase } from './each-database.test-support.ts';
import type { AuditRow, EntityRow, RecordChange, Records } from './store.ts';

function entity(id: string, more: Partial<EntityRow> = {}): EntityRow {
  return {
    id,
    kind: 'team',
    name: id,
    organisationId: undefined,
    teamId: undefined,
    userId: undefined,
    projectId: undefined,
    version: 1,
    createdAtMs: 1_795_221_595_958,
    updatedAtMs: 1_795_221_595_958,
    digest: undefined,
    previousDigest: undefined,
    body: '{"description":"ä €"}',
    ...more,
  };
}

function entry(seq: number, entityId: string, more: Partial<AuditRow> = {}): AuditRow {
  return {
    seq,
    atMs: 1_000 + seq,
    actorId: 'admin',
    actorName: 'admin',
    origin: '::1',
    action: 'teams.create',
    kind: 'team',
    entityId,
    before: undefined,
    after: '{}',
    previousHash: seq === 1 ? '' : `hash-${seq - 1}`,
    hash: `hash-${seq}`,
    ...more,
  };
}

function change(seq: number, puts: EntityRow[], more: Partial<RecordChange> = {}): RecordChange {
  const subject = puts[0]?.id ?? more.deletes?.[0] ?? '';
  return { puts, deletes: [], audit: [entry(seq, subject)], answer: undefined, answersBeforeMs: 0, ...more };
}

const ids = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

onEachDatabase((here) => {
  const records = async (): Promise<Records> => (await here.open()).records;

  test('come back as they were written, and are gone when they are deleted', async () => {
    const store = await records();
    const row = entity('a', {
      kind: 'key',
      organisationId: 'o',
      teamId: 't',
      userId: 'u',
      projectId: 'p',
      digest: 'd1',
      previousDigest: 'd0',
      version: 7,
    });
    expect(await store.head()).toEqual({ seq: 0, hash: '' });
    expect(await store.commit(change(1, [row, entity('b')]))).toBe(true);
    expect(await store.head()).toEqual({ seq: 1, hash: 'hash-1' });
    expect(await store.entity('a')).toEqual(row);
    expect(await store.entityNamed('key', 'a')).toEqual(row);
    expect(await store.entityNamed('team', 'a')).toBeUndefined();
    for (const digest of ['d0', 'd1']) expect(await store.entityWithDigest(digest)).toEqual(row);
    for (const id of ['o', 't', 'u', 'p']) expect((await store.entityReferringTo(id))?.id).toBe('a');
    expect(await store.commit(change(2, [entity('b', { version: 2 })], { deletes: ['a'] }))).toBe(true);
    expect(await store.entities()).toEqual([entity('b', { version: 2 })]);
    expect((await here.reopen()).records.entity('a')).resolves.toBeUndefined();
  });

  test('of two changes on the same footing one is made, whole, and the other not at all', async () => {
    const [one, two] = [await records(), (await here.open()).records];
    const results = await Promise.all([one.commit(change(1, [entity('a')])), two.commit(change(1, [entity('b')]))]);
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await one.entities()).toHaveLength(1);
    expect(await one.commit(change(2, [entity('c', { name: (await one.entities())[0]?.name ?? '' })]))).toBe(false);
    expect(await one.head()).toMatchObject({ seq: 1 });
  });

  test('tell what was changed since', async () => {
    const [one, two] = [await records(), (await here.open()).records];
    await one.commit(change(1, [entity('a')]));
    expect(await two.changedSince(0)).toEqual({ seq: 1, ids: ['a'], entryIds: [] });
    await one.commit(change(2, [entity('b')]));
    await one.commit(change(3, [], { deletes: ['a'] }));
    await one.commit(change(4, [entity('b', { version: 2 })]));
    expect(await two.changedSince(1)).toEqual({ seq: 4, ids: ['b', 'a'], entryIds: [] });
    expect(await two.changedSince(4)).toEqual({ seq: 4, ids: [], entryIds: [] });
  });

  test('are listed by kind and by what they belong to, in pages', async () => {
    const store = await records();
    const rows = ['k1', 'k2', 'k3'].map((id) => entity(id, { kind: 'key', teamId: id === 'k2' ? 'x' : 'y' }));
    await store.commit(change(1, [...rows, entity('t')]));
    expect(ids(await store.listEntities({ kind: 'key', limit: 10 }))).toEqual(['k1', 'k2', 'k3']);
    expect(ids(await store.listEntities({ kind: 'key', limit: 2 }))).toEqual(['k1', 'k2']);
    expect(ids(await store.listEntities({ kind: 'key', limit: 2, after: 'k2' }))).toEqual(['k3']);
    expect(ids(await store.listEntities({ kind: 'key', limit: 10, teamId: 'y' }))).toEqual(['k1', 'k3']);
    expect(ids(await store.listEntities({ kind: 'key', limit: 10, name: 'k2', teamId: 'y' }))).toEqual([]);
  });

  test('the audit log is read from either end', async () => {
    const store = await records();
    for (const seq of [1, 2, 3, 4]) await store.commit(change(seq, [entity(`e${seq}`)]));
    const seqs = async (filter: Partial<Parameters<Records['audit']>[0]>) =>
      (await store.audit({ limit: 10, ...filter })).map(({ seq }) => seq);
    expect(await seqs({})).toEqual([4, 3, 2, 1]);
    expect(await seqs({ before: 3, limit: 1 })).toEqual([2]);
    expect(await seqs({ after: 2 })).toEqual([3, 4]);
    expect(await seqs({ entityId: 'e3' })).toEqual([3]);
    expect(await seqs({ sinceMs: 1_002, untilMs: 1_004 })).toEqual([3, 2]);
    expect((await store.audit({ limit: 1 }))[0]).toEqual(entry(4, 'e4'));
    expect(await (await here.open()).readMeta('audit_head')).toBe('4 hash-4');
  });

  describe('answers', () => {
    const answer = (idempotencyKey: string, atMs: number) => ({
      actorId: 'admin',
      idempotencyKey,
      requestHash: 'r',
      status: 201,
      body: '{}',
      atMs,
    });

    test('are remembered with their change, for as long as is said', async () => {
      const store = await records();
      await store.commit(change(1, [entity('a')], { answer: answer('one', 10) }));
      expect(await store.answerOf('admin', 'one')).toEqual(answer('one', 10));
      expect(await store.answerOf('other', 'one')).toBeUndefined();
      // The same key of the same caller again: the change is not made.
      expect(await store.commit(change(2, [entity('b')], { answer: answer('one', 11) }))).toBe(false);
      expect(await store.entity('b')).toBeUndefined();
      await store.commit(change(2, [entity('b')], { answer: answer('two', 20), answersBeforeMs: 15 }));
      expect(await store.answerOf('admin', 'one')).toBeUndefined();
    });
  });
});
