import { sql } from 'kysely';
import { LochError } from '../../../core/errors.ts';
import { proceduresOver } from '../../../metadata/contract.ts';
import type { BucketInfo } from '../../contract.ts';
import { bucketMissing } from '../names.ts';
import { type BucketRow, bucketOf, type ObjectTables } from './rows.ts';

const { read, write } = proceduresOver<ObjectTables>();

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
    const used = await db
      .selectFrom('object_current')
      .select('version_id')
      .where('bucket', '=', args.name)
      .limit(1)
      .execute();
    if (used.length > 0) {
      throw new LochError('bucket_not_empty', `The bucket \`${args.name}\` holds objects. Delete them first.`, {
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

  bucket: read(async (db, args: { name: string }): Promise<BucketInfo | undefined> => {
    const row = await db.selectFrom('object_bucket').selectAll().where('name', '=', args.name).executeTakeFirst();
    return row === undefined ? undefined : bucketOf(row);
  }),

  buckets: read(async (db, _args: Record<string, never>): Promise<BucketInfo[]> => {
    return (await db.selectFrom('object_bucket').selectAll().orderBy('name').execute()).map(bucketOf);
  }),
};
