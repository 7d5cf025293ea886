/** Access points at rest: one row each, its value as JSON. */
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface PointRow {
  account_id: string;
  name: string;
  alias: string;
  bucket: string;
  /** `AccessPoint` as JSON. */
  value: string;
}

interface PointTables {
  storage_access_point: PointRow;
}

const { read, write } = proceduresOver<PointTables>();

interface Key {
  readonly accountId: string;
  readonly name: string;
}

export default defineStoreModule('storageAccessPoints', {
  migrations: [
    {
      number: 1,
      name: 'access points',
      statements: [
        `CREATE TABLE IF NOT EXISTS storage_access_point (
           account_id TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL UNIQUE, bucket TEXT NOT NULL,
           value TEXT NOT NULL, PRIMARY KEY (account_id, name))`,
      ],
    },
  ],
  procedures: {
    create: write(async (db, args: Key & { alias: string; bucket: string; value: string }): Promise<void> => {
      const { accountId, name, alias, bucket, value } = args;
      const there = await db
        .selectFrom('storage_access_point')
        .select('name')
        .where('account_id', '=', accountId)
        .where('name', '=', name)
        .executeTakeFirst();
      if (there !== undefined) {
        throw new LochError('already_exists', `The account has an access point \`${name}\` already.`, {
          context: { s3_code: 'AccessPointAlreadyOwnedByYou' },
        });
      }
      await db
        .insertInto('storage_access_point')
        .values({ account_id: accountId, name, alias, bucket, value })
        .execute();
    }),
    put: write(async (db, { accountId, name, value }: Key & { value: string }): Promise<void> => {
      await db
        .updateTable('storage_access_point')
        .set({ value })
        .where('account_id', '=', accountId)
        .where('name', '=', name)
        .execute();
    }),
    one: read(async (db, { accountId, name }: Key): Promise<string | undefined> => {
      const row = await db
        .selectFrom('storage_access_point')
        .select('value')
        .where('account_id', '=', accountId)
        .where('name', '=', name)
        .executeTakeFirst();
      return row?.value;
    }),
    byAlias: read(async (db, { alias }: { alias: string }): Promise<string | undefined> => {
      const row = await db
        .selectFrom('storage_access_point')
        .select('value')
        .where('alias', '=', alias)
        .executeTakeFirst();
      return row?.value;
    }),
    list: read(
      async (db, args: { accountId: string; bucket?: string; after: string; limit: number }): Promise<string[]> => {
        let query = db
          .selectFrom('storage_access_point')
          .select('value')
          .where('account_id', '=', args.accountId)
          .where('name', '>', args.after);
        if (args.bucket !== undefined) query = query.where('bucket', '=', args.bucket);
        return (await query.orderBy('name').limit(args.limit).execute()).map(({ value }) => value);
      },
    ),
    remove: write(async (db, { accountId, name }: Key): Promise<void> => {
      await db
        .deleteFrom('storage_access_point')
        .where('account_id', '=', accountId)
        .where('name', '=', name)
        .execute();
    }),
    /** For the transactions that make and delete a bucket. */
    forget: write(async (db, args: { bucket: string }): Promise<void> => {
      await db.deleteFrom('storage_access_point').where('bucket', '=', args.bucket).execute();
    }),
  },
});
