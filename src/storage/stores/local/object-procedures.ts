import { type Kysely, sql } from 'kysely';
import { type ProcedureContext, proceduresOver } from '../../../metadata/contract.ts';
import { checkWriteConditions } from '../conditions.ts';
import { bucketMissing } from '../names.ts';
import { keyText, type ObjectRow, type ObjectTables } from './rows.ts';

const { read, write } = proceduresOver<ObjectTables>();
type Db = Kysely<ObjectTables>;

/** A version whose bytes are durable and that nobody sees yet. */
export interface NewVersion {
  readonly row: ObjectRow;
  readonly operation: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: '*';
}

async function currentOf(db: Db, bucket: string, key: Uint8Array) {
  const { rows } = await sql<Pick<ObjectRow, 'version_id' | 'etag' | 'segment' | 'place'>>`
    SELECT version_id, etag, segment, place FROM object_current WHERE bucket = ${bucket} AND key = ${key}`.execute(db);
  return rows[0];
}

type Replaced = Pick<ObjectRow, 'bucket' | 'key' | 'version_id' | 'segment' | 'place'>;

/** The moment a version is no longer referenced is recorded with the change that dereferenced it: grace counts from here. */
async function dereference(db: Db, version: Replaced, at: number): Promise<void> {
  await sql`INSERT INTO object_garbage (dereferenced_at, version_id, bucket, key, segment, place)
    VALUES (${at}, ${version.version_id}, ${version.bucket}, ${version.key}, ${version.segment}, ${version.place})`.execute(
    db,
  );
}

/** The bucket is there. **Errors**: `bucket_not_found`. */
export async function assertBucket(db: Db, bucket: string): Promise<void> {
  const { rows } = await sql`SELECT 1 FROM object_bucket WHERE name = ${bucket}`.execute(db);
  if (rows.length === 0) throw bucketMissing(bucket);
}

/** Makes a version the current one of its key. Conditions are decided here, where no other writer can come between. */
export async function putVersion(db: Db, version: NewVersion, context: ProcedureContext): Promise<void> {
  const { row } = version;
  await assertBucket(db, row.bucket);
  const before = await currentOf(db, row.bucket, row.key);
  const key = keyText(row.key);
  checkWriteConditions({ bucket: row.bucket, key }, before?.etag, version);
  if (before !== undefined) await dereference(db, { ...before, bucket: row.bucket, key: row.key }, row.modified_at);
  await sql`INSERT INTO object_current (bucket, key, version_id, size, etag, modified_at, segment, place, detail)
    VALUES (${row.bucket}, ${row.key}, ${row.version_id}, ${row.size}, ${row.etag}, ${row.modified_at}, ${row.segment}, ${row.place}, ${row.detail})
    ON CONFLICT (bucket, key) DO UPDATE SET version_id = excluded.version_id, size = excluded.size, etag = excluded.etag,
      modified_at = excluded.modified_at, segment = excluded.segment, place = excluded.place, detail = excluded.detail`.execute(
    db,
  );
  context.emit({
    name: 'storageObjectCreated',
    payload: {
      bucket: row.bucket,
      key,
      size: row.size,
      etag: row.etag,
      versionId: row.version_id,
      operation: version.operation,
    },
  });
}

async function removeVersion(
  db: Db,
  bucket: string,
  key: Uint8Array,
  at: number,
  context: ProcedureContext,
  ifMatch?: string,
) {
  const before = await currentOf(db, bucket, key);
  if (ifMatch !== undefined) checkWriteConditions({ bucket, key: keyText(key) }, before?.etag, { ifMatch });
  if (before === undefined) return;
  await dereference(db, { ...before, bucket, key }, at);
  await sql`DELETE FROM object_current WHERE bucket = ${bucket} AND key = ${key}`.execute(db);
  context.emit({ name: 'storageObjectDeleted', payload: { bucket, key: keyText(key), versionId: before.version_id } });
}

export const objectProcedures = {
  put: write((db, args: NewVersion, context) => putVersion(db, args, context)),

  remove: write(
    async (
      db,
      args: { bucket: string; keys: readonly Uint8Array[]; at: number; ifMatch?: string },
      context,
    ): Promise<void> => {
      await assertBucket(db, args.bucket);
      for (const key of args.keys) await removeVersion(db, args.bucket, key, args.at, context, args.ifMatch);
    },
  ),

  /** The rows of the named objects in order; undefined for one that is not there. */
  objects: read(
    async (db, args: { refs: readonly { bucket: string; key: Uint8Array }[] }): Promise<(ObjectRow | undefined)[]> => {
      const found: (ObjectRow | undefined)[] = [];
      for (const { bucket, key } of args.refs) {
        const { rows } =
          await sql<ObjectRow>`SELECT * FROM object_current WHERE bucket = ${bucket} AND key = ${key}`.execute(db);
        found.push(rows[0]);
      }
      return found;
    },
  ),
};
