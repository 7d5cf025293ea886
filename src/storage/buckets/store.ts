/**
 * Settings of buckets at rest: one row each, its value as JSON.
 *
 * Invariants
 * - A row without a value says that a default was taken away; without a row the default holds.
 * - `forget` runs in the transactions that delete and that make a bucket, so that nobody inherits what was said of
 *   another bucket of the name.
 */
import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
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

interface NewValue extends SettingKey {
  readonly value: string | null;
  readonly was?: string | null;
  /** So many of the kind a bucket has at most. */
  readonly limit?: number;
}

const settingRow = (db: Kysely<SettingTables>, { bucket, kind, id }: SettingKey) =>
  db
    .selectFrom('bucket_setting')
    .select('value')
    .where('bucket', '=', bucket)
    .where('kind', '=', kind)
    .where('id', '=', id)
    .executeTakeFirst();

/** **Errors**: `limit_exceeded` when another one would be one too many. */
async function assertRoom(db: Kysely<SettingTables>, { bucket, kind, id }: SettingKey, limit: number): Promise<void> {
  const { others } = await db
    .selectFrom('bucket_setting')
    .select(({ fn }) => fn.countAll<number>().as('others'))
    .where('bucket', '=', bucket)
    .where('kind', '=', kind)
    .where('id', '!=', id)
    .executeTakeFirstOrThrow();
  if (Number(others) < limit) return;
  throw new LochError('limit_exceeded', `A bucket has at most ${limit} settings of the kind \`${kind}\`.`, {
    context: { bucket, limit, s3_code: 'TooManyConfigurations' },
  });
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

    one: read(async (db, { bucket, kind, id }: SettingKey): Promise<string | null> => {
      const row = await settingRow(db, { bucket, kind, id });
      return row?.value ?? null;
    }),

    /** With `was`: only if the value is still that one. **Errors**: `conflict`; `limit_exceeded` (TooManyConfigurations). */
    put: write(async (db, args: NewValue, context): Promise<void> => {
      const { bucket, kind, id, value } = args;
      if (args.was !== undefined && ((await settingRow(db, args))?.value ?? null) !== args.was) {
        throw new LochError('conflict', `The setting \`${kind}\` of the bucket changed meanwhile. Try again.`, {
          context: { bucket, setting: kind },
        });
      }
      if (args.limit !== undefined) await assertRoom(db, args, args.limit);
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
