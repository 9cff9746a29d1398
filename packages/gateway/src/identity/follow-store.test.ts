import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../store/open-store.ts';
import type { Records } from '../store/store.ts';
import { CredentialVault } from './credential-vault.ts';
import { FollowStore } from './follow-store.ts';
import { KeyDirectory } from './key-directory.ts';
import { ModelShelf } from './model-shelf.ts';
import { digestKeysOf, SecretDigest } from './secret-digest.ts';
import { SecretSeal } from './secret-seal.ts';
import { StoredRules } from './stored-rules.ts';

async function withFollowed(
  records: (real: Records) => Pick<Records, 'head' | 'entities' | 'changedSince' | 'entity'>,
  run: (follow: FollowStore, troubles: unknown[]) => Promise<void>,
): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'turnpike-follow-'));
  const store = await openStore({ dataDir });
  const troubles: unknown[] = [];
  const directory = new KeyDirectory(new SecretDigest(digestKeysOf('x'.repeat(32))));
  const follow = new FollowStore(
    Object.assign(Object.create(store.records), records(store.records)),
    {
      directory,
      rules: new StoredRules(),
      vault: new CredentialVault(new SecretSeal('x'.repeat(32), 'tests'), () => {}),
      shelf: new ModelShelf(),
    },
    (error) => troubles.push(error),
  );
  try {
    await follow.start();
    await run(follow, troubles);
  } finally {
    await follow.stop();
    await store.close();
    rmSync(dataDir, { recursive: true });
  }
}

const real = (records: Records) => ({
  head: () => records.head(),
  entities: () => records.entities(),
  entity: (id: string) => records.entity(id),
});

test('a database that is away is reported once, and again only when it was back meanwhile', async () => {
  let isAway = true;
  let asked = 0;
  await withFollowed(
    (records) => ({
      ...real(records),
      async changedSince(seq) {
        asked++;
        if (isAway) throw new Error('away');
        return { seq, ids: [], entryIds: [] };
      },
    }),
    async (_, troubles) => {
      const until = async (count: number) => {
        while (asked < count) await Bun.sleep(5);
      };
      await until(2);
      expect(troubles).toHaveLength(1);
      isAway = false;
      await until(3);
      await Bun.sleep(5);
      isAway = true;
      await until(4);
      await Bun.sleep(5);
      expect(troubles).toHaveLength(2);
    },
  );
});

test('a database that does not answer is asked once', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<{ seq: number; ids: string[]; entryIds: string[] }>();
  await withFollowed(
    (records) => ({
      ...real(records),
      changedSince() {
        asked++;
        return answer.promise;
      },
    }),
    async () => {
      await Bun.sleep(1_000);
      answer.resolve({ seq: 0, ids: [], entryIds: [] });
      await Bun.sleep(5);
      expect(asked).toBe(1);
    },
  );
});

test('who asks for what was committed is told when it cannot be read', async () => {
  await withFollowed(
    (records) => ({ ...real(records), changedSince: () => Promise.reject(new Error('away')) }),
    async (follow) => {
      await expect(follow.catchUp()).rejects.toThrow('away');
    },
  );
});
