import { type Kysely, sql } from 'kysely';
import { proceduresOver } from '../../../metadata/contract.ts';
import type { GarbageRow, ObjectRow, ObjectTables } from './rows.ts';

const { read, write } = proceduresOver<ObjectTables>();

type Db = Kysely<ObjectTables>;

async function isReferenced(db: Db, version: Pick<ObjectRow, 'bucket' | 'key' | 'version_id'>): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM object_current WHERE bucket = ${version.bucket} AND key = ${version.key}
    AND version_id = ${version.version_id} UNION ALL
    SELECT 1 FROM object_version WHERE version_id = ${version.version_id} LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** Whether a version is there whose bytes are a file of the hot place. */
async function isHot(db: Db, version: Pick<ObjectRow, 'bucket' | 'key' | 'version_id'>): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM object_current WHERE bucket = ${version.bucket} AND key = ${version.key}
    AND version_id = ${version.version_id} AND place IS NULL UNION ALL
    SELECT 1 FROM object_version WHERE version_id = ${version.version_id} AND place IS NULL LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** Whether the version still lay where it was read from; meanwhile it may have become noncurrent, or current again. */
async function moveRow(db: Db, from: ObjectRow, segment: number, place: number): Promise<boolean> {
  for (const table of ['object_current', 'object_version']) {
    const { rows } = await sql`UPDATE ${sql.table(table)} SET segment = ${segment}, place = ${place}
      WHERE bucket = ${from.bucket} AND key = ${from.key} AND version_id = ${from.version_id}
      AND segment = ${from.segment} RETURNING version_id`.execute(db);
    if (rows.length > 0) return true;
  }
  return false;
}

export const sweepProcedures = {
  /** Versions dereferenced before `before`, oldest first, after the row named. */
  garbage: read(async (db, args: { before: number; after?: GarbageRow; limit: number }): Promise<GarbageRow[]> => {
    const { dereferenced_at: at, version_id: versionId } = args.after ?? { dereferenced_at: -1, version_id: '' };
    const { rows } = await sql<GarbageRow>`SELECT * FROM object_garbage WHERE dereferenced_at < ${args.before}
      AND (dereferenced_at, version_id) > (${at}, ${versionId})
      ORDER BY dereferenced_at, version_id LIMIT ${args.limit}`.execute(db);
    return rows;
  }),

  /** Forgets versions whose bytes are gone. */
  forget: write(async (db, args: { rows: readonly GarbageRow[] }): Promise<void> => {
    for (const row of args.rows) {
      await sql`DELETE FROM object_garbage WHERE dereferenced_at = ${row.dereferenced_at}
        AND version_id = ${row.version_id}`.execute(db);
      // A record that only moved to another segment still has its version.
      if (!(await isReferenced(db, row))) {
        await sql`DELETE FROM object_version_parts WHERE version_id = ${row.version_id}`.execute(db);
      }
    }
  }),

  /** Of these versions, those that nobody references: neither as a version nor as garbage that waits. */
  unreferenced: read(
    async (
      db,
      args: { versions: readonly { bucket: string; key: Uint8Array; versionId: string }[] },
    ): Promise<string[]> => {
      const orphans: string[] = [];
      for (const { bucket, key, versionId } of args.versions) {
        if (await isHot(db, { bucket, key, version_id: versionId })) continue;
        const { rows } = await sql`SELECT 1 FROM object_garbage WHERE version_id = ${versionId} AND segment IS NULL
          AND place IS NULL LIMIT 1`.execute(db);
        if (rows.length === 0) orphans.push(versionId);
      }
      return orphans;
    },
  ),

  /** Bytes of versions in a segment, and whether replaced ones still wait there. */
  segmentUse: read(
    async (db, args: { segment: number }): Promise<{ live: number; records: number; waiting: boolean }> => {
      const { rows } = await sql<{
        live: number | null;
        records: number;
      }>`SELECT sum(live) AS live, sum(records) AS records
        FROM (SELECT sum(size) AS live, count(*) AS records FROM object_current WHERE segment = ${args.segment}
          UNION ALL SELECT sum(size), count(*) FROM object_version WHERE segment = ${args.segment}) AS both`.execute(
        db,
      );
      const waiting = await sql`SELECT 1 FROM object_garbage WHERE segment = ${args.segment} LIMIT 1`.execute(db);
      return { live: rows[0]?.live ?? 0, records: rows[0]?.records ?? 0, waiting: waiting.rows.length > 0 };
    },
  ),

  segmentRows: read(async (db, args: { segment: number; limit: number }): Promise<ObjectRow[]> => {
    const { rows } = await sql<ObjectRow>`SELECT * FROM object_current WHERE segment = ${args.segment}
      LIMIT ${args.limit}`.execute(db);
    if (rows.length > 0) return rows;
    const older = await sql<ObjectRow>`SELECT * FROM object_version WHERE segment = ${args.segment}
      LIMIT ${args.limit}`.execute(db);
    return older.rows;
  }),

  /** Points versions to their copies in another segment; those replaced meanwhile are left alone. */
  moveRecords: write(
    async (
      db,
      args: { moves: readonly { from: ObjectRow; segment: number; place: number }[]; at: number },
    ): Promise<void> => {
      for (const { from, segment, place } of args.moves) {
        if (!(await moveRow(db, from, segment, place))) continue;
        await sql`INSERT INTO object_garbage (dereferenced_at, version_id, bucket, key, segment, place)
          VALUES (${args.at}, ${from.version_id}, ${from.bucket}, ${from.key}, ${from.segment}, ${from.place})
          ON CONFLICT (dereferenced_at, version_id) DO NOTHING`.execute(db);
      }
    },
  ),

  /** Ids of uploads that exist, of those asked for. */
  knownUploads: read(async (db, args: { uploadIds: readonly string[] }): Promise<string[]> => {
    const known: string[] = [];
    for (const uploadId of args.uploadIds) {
      const { rows } = await sql`SELECT 1 FROM object_upload WHERE upload_id = ${uploadId}`.execute(db);
      if (rows.length > 0) known.push(uploadId);
    }
    return known;
  }),
};
