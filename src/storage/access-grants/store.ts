/** Access grants at rest: one row each, its value as JSON, by account. */
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface GrantRow {
  account_id: string;
  kind: GrantKind;
  id: string;
  value: string;
}

interface GrantTables {
  storage_access_grant: GrantRow;
}

export type GrantKind = 'instance' | 'location' | 'grant';

const { read, write } = proceduresOver<GrantTables>();

interface Key {
  readonly accountId: string;
  readonly kind: GrantKind;
  readonly id: string;
}

export default defineStoreModule('storageAccessGrants', {
  migrations: [
    {
      number: 1,
      name: 'access grants',
      statements: [
        `CREATE TABLE IF NOT EXISTS storage_access_grant (
           account_id TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL,
           PRIMARY KEY (account_id, kind, id)) WITHOUT ROWID`,
      ],
    },
  ],
  procedures: {
    put: write(async (db, { accountId, kind, id, value }: Key & { value: string }): Promise<void> => {
      const there = await db
        .selectFrom('storage_access_grant')
        .select('id')
        .where('account_id', '=', accountId)
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirst();
      if (there !== undefined) throw new LochError('already_exists', `There is such a ${kind} already.`);
      await db.insertInto('storage_access_grant').values({ account_id: accountId, kind, id, value }).execute();
    }),
    one: read(async (db, { accountId, kind, id }: Key): Promise<string | undefined> => {
      const row = await db
        .selectFrom('storage_access_grant')
        .select('value')
        .where('account_id', '=', accountId)
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirst();
      return row?.value;
    }),
    list: read(async (db, { accountId, kind }: Omit<Key, 'id'>): Promise<string[]> => {
      const rows = await db
        .selectFrom('storage_access_grant')
        .select('value')
        .where('account_id', '=', accountId)
        .where('kind', '=', kind)
        .orderBy('id')
        .execute();
      return rows.map(({ value }) => value);
    }),
    remove: write(async (db, { accountId, kind, id }: Key): Promise<void> => {
      await db
        .deleteFrom('storage_access_grant')
        .where('account_id', '=', accountId)
        .where('kind', '=', kind)
        .where('id', '=', id)
        .execute();
    }),
  },
});
