/**
 * Settings of buckets at rest: one row each, its value as JSON.
 *
 * Invariants
 * - A row without a value says that a default was taken away; without a row the default holds.
 * - `forget` runs in the transactions that delete and that make a bucket, so that nobody inherits what was said of
 *   another bucket of the name.
 */
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface SettingRow {
  bucket: string;
  kind: string;
  /** Empty for kinds of which a bucket has one. */
  id: string;
  /** JSON; NULL: taken away. */
  value: string | null;
  changed_at: number;
}

interface SettingTables {
  bucket_setting: SettingRow;
}

const { read, write } = proceduresOver<SettingTables>();

interface SettingKey {
  readonly bucket: string;
  readonly kind: string;
  readonly id: string;
}

export default defineStoreModule('bucketSettings', {
  migrations: [
    {
      number: 1,
      name: 'settings of buckets',
      statements: [
        `CREATE TABLE IF NOT EXISTS bucket_setting (
           bucket TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL, value TEXT, changed_at BIGINT NOT NULL,
           PRIMARY KEY (bucket, kind, id)) WITHOUT ROWID`,
      ],
    },
  ],
  procedures: {
    all: read(async (db, { bucket }: { bucket: string }) =>
      db
        .selectFrom('bucket_setting')
        .select(['kind', 'id', 'value'])
        .where('bucket', '=', bucket)
        .orderBy('id')
        .execute(),
    ),

    put: write(async (db, args: SettingKey & { readonly value: string | null }, context): Promise<void> => {
      const { bucket, kind, id, value } = args;
      await db
        .insertInto('bucket_setting')
        .values({ bucket, kind, id, value, changed_at: context.now })
        .onConflict((on) => on.columns(['bucket', 'kind', 'id']).doUpdateSet({ value, changed_at: context.now }))
        .execute();
      const change = value === null ? 'removed' : 'put';
      context.emit({ name: 'storageBucketSettingChanged', payload: { bucket, kind, change } });
    }),

    remove: write(async (db, { bucket, kind, id }: SettingKey, context): Promise<void> => {
      const { numDeletedRows } = await db
        .deleteFrom('bucket_setting')
        .where('bucket', '=', bucket)
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirstOrThrow();
      if (numDeletedRows === 0n) return;
      context.emit({ name: 'storageBucketSettingChanged', payload: { bucket, kind, change: 'removed' } });
    }),

    forget: write(async (db, { bucket }: { bucket: string }): Promise<void> => {
      await db.deleteFrom('bucket_setting').where('bucket', '=', bucket).execute();
    }),
  },
});
