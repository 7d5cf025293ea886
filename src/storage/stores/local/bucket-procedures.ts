import { type Kysely, sql } from 'kysely';
import { LochError } from '../../../core/errors.ts';
import { proceduresOver } from '../../../metadata/contract.ts';
import type { BucketInfo, BucketVersioning } from '../../contract.ts';
import { bucketMissing } from '../names.ts';
import { type BucketRow, bucketOf, type ObjectTables } from './rows.ts';

const { read, write } = proceduresOver<ObjectTables>();

async function requireBucket(db: Kysely<ObjectTables>, name: string): Promise<BucketRow> {
  const row = await db.selectFrom('object_bucket').selectAll().where('name', '=', name).executeTakeFirst();
  if (row === undefined) throw bucketMissing(name);
  return row;
}

export const bucketProcedures = {
  createBucket: write(async (db, args: BucketRow, context): Promise<BucketInfo> => {
    const there = await db.selectFrom('object_bucket').selectAll().where('name', '=', args.name).executeTakeFirst();
    if (there !== undefined) {
      throw new LochError('bucket_exists', `The bucket \`${args.name}\` exists already. Choose another name.`, {
        context: { bucket: args.name, ownerAccountId: there.owner_account_id },
      });
    }
    await db.insertInto('object_bucket').values(args).execute();
    context.emit({ name: 'storageBucketCreated', payload: { bucket: args.name } });
    return bucketOf(args);
  }),

  /** Unfinished uploads go with the bucket; their files are swept as those of no upload. */
  deleteBucket: write(async (db, args: { name: string }, context): Promise<void> => {
    for (const table of ['object_current', 'object_version'] as const) {
      const used = await db.selectFrom(table).select('version_id').where('bucket', '=', args.name).limit(1).execute();
      if (used.length === 0) continue;
      const what = table === 'object_current' ? 'objects' : 'versions or delete markers of objects';
      throw new LochError('bucket_not_empty', `The bucket \`${args.name}\` holds ${what}. Delete them first.`, {
        context: { bucket: args.name },
      });
    }
    const { numDeletedRows } = await db
      .deleteFrom('object_bucket')
      .where('name', '=', args.name)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) throw bucketMissing(args.name);
    await sql`DELETE FROM object_part WHERE upload_id IN (SELECT upload_id FROM object_upload WHERE bucket = ${args.name})`.execute(
      db,
    );
    await db.deleteFrom('object_upload').where('bucket', '=', args.name).execute();
    context.emit({ name: 'storageBucketDeleted', payload: { bucket: args.name } });
  }),

  setVersioning: write(async (db, args: { bucket: string; state: BucketVersioning }, context): Promise<void> => {
    const { bucket, state } = args;
    const row = await requireBucket(db, bucket);
    if (row.object_lock === 1 && state !== 'Enabled') {
      throw new LochError(
        'invalid_bucket_state',
        `An Object Lock configuration is present on the bucket \`${bucket}\`, so the versioning state cannot be changed.`,
        { context: { bucket } },
      );
    }
    await sql`UPDATE object_bucket SET versioning = ${state} WHERE name = ${bucket}`.execute(db);
    context.emit({ name: 'storageBucketChanged', payload: { bucket, what: 'versioning' } });
  }),

  enableObjectLock: write(async (db, args: { bucket: string }, context): Promise<void> => {
    const { bucket } = args;
    const row = await requireBucket(db, bucket);
    if (row.object_lock === 1) return;
    if (row.versioning !== 'Enabled') {
      throw new LochError(
        'invalid_bucket_state',
        `Versioning must be 'Enabled' on the bucket \`${bucket}\` to apply an Object Lock configuration.`,
        { context: { bucket } },
      );
    }
    await sql`UPDATE object_bucket SET object_lock = 1 WHERE name = ${bucket}`.execute(db);
    context.emit({ name: 'storageBucketChanged', payload: { bucket, what: 'objectLock' } });
  }),

  bucket: read(async (db, args: { name: string }): Promise<BucketInfo | undefined> => {
    const row = await db.selectFrom('object_bucket').selectAll().where('name', '=', args.name).executeTakeFirst();
    return row === undefined ? undefined : bucketOf(row);
  }),

  buckets: read(async (db, _args: Record<string, never>): Promise<BucketInfo[]> => {
    return (await db.selectFrom('object_bucket').selectAll().orderBy('name').execute()).map(bucketOf);
  }),
};
