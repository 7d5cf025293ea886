import type { Kysely } from 'kysely';
import { type ProcedureContext, proceduresOver } from '../../../metadata/contract.ts';
import { checkWriteConditions } from '../conditions.ts';
import { bucketMissing } from '../names.ts';
import { keyText, type ObjectRow, type ObjectTables } from './rows.ts';
import { statement } from './statement.ts';

const { read, write } = proceduresOver<ObjectTables>();
type Db = Kysely<ObjectTables>;

/** A version whose bytes are durable and that nobody sees yet. */
export interface NewVersion {
  readonly row: ObjectRow;
  readonly operation: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: '*';
}

type Current = Pick<ObjectRow, 'version_id' | 'etag' | 'segment' | 'place'>;
type Replaced = Pick<ObjectRow, 'bucket' | 'key' | 'version_id' | 'segment' | 'place'>;

const selectBucket = statement('SELECT 1 FROM object_bucket WHERE name = ?');
/** One row when the bucket is there; its other columns are null when the key is not. */
const selectCurrent = statement<Current | Record<keyof Current, null>>(
  `SELECT c.version_id, c.etag, c.segment, c.place FROM object_bucket b
   LEFT JOIN object_current c ON c.bucket = b.name AND c.key = ? WHERE b.name = ?`,
);
const selectObject = statement<ObjectRow>('SELECT * FROM object_current WHERE bucket = ? AND key = ?');
const deleteObject = statement('DELETE FROM object_current WHERE bucket = ? AND key = ?');
const insertGarbage = statement(
  `INSERT INTO object_garbage (dereferenced_at, version_id, bucket, key, segment, place) VALUES (?, ?, ?, ?, ?, ?)`,
);
const upsertObject = statement(
  `INSERT INTO object_current (bucket, key, version_id, size, etag, modified_at, segment, place, detail)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (bucket, key) DO UPDATE SET version_id = excluded.version_id, size = excluded.size, etag = excluded.etag,
     modified_at = excluded.modified_at, segment = excluded.segment, place = excluded.place, detail = excluded.detail`,
);

/** The current version of a key. **Errors**: `bucket_not_found`. */
async function currentOf(db: Db, bucket: string, key: Uint8Array): Promise<Current | undefined> {
  const [row] = await selectCurrent(db, key, bucket);
  if (row === undefined) throw bucketMissing(bucket);
  return row.version_id === null ? undefined : row;
}

/** The moment a version is no longer referenced is recorded with the change that dereferenced it: grace counts from here. */
async function dereference(db: Db, version: Replaced, at: number): Promise<void> {
  const { version_id, bucket, key, segment, place } = version;
  await insertGarbage(db, at, version_id, bucket, key, segment, place);
}

/** **Errors**: `bucket_not_found`. */
export async function assertBucket(db: Db, bucket: string): Promise<void> {
  if ((await selectBucket(db, bucket)).length === 0) throw bucketMissing(bucket);
}

/** Makes a version the current one of its key. Conditions are decided here, where no other writer can come between. */
export async function putVersion(db: Db, version: NewVersion, context: ProcedureContext): Promise<void> {
  const { row } = version;
  const before = await currentOf(db, row.bucket, row.key);
  const key = keyText(row.key);
  checkWriteConditions({ bucket: row.bucket, key }, before?.etag, version);
  if (before !== undefined) await dereference(db, { ...before, bucket: row.bucket, key: row.key }, row.modified_at);
  await upsertObject(
    db,
    row.bucket,
    row.key,
    row.version_id,
    row.size,
    row.etag,
    row.modified_at,
    row.segment,
    row.place,
    row.detail,
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
  await deleteObject(db, bucket, key);
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
        const rows = await selectObject(db, bucket, key);
        found.push(rows[0]);
      }
      return found;
    },
  ),
};
