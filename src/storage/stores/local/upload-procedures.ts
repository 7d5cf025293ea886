import { type Kysely, sql } from 'kysely';
import { type ProcedureContext, proceduresOver } from '../../../metadata/contract.ts';
import type { PutOptions, UploadInfo, UploadRef } from '../../contract.ts';
import { uploadMissing } from '../names.ts';
import { afterPrefix } from './list-procedure.ts';
import { assertBucket } from './key-versions.ts';
import { type NewVersion, type PutFacts, putVersion } from './object-procedures.ts';
import { keyText, type ObjectTables, type PartRow, type UploadRow } from './rows.ts';

const { read, write } = proceduresOver<ObjectTables>();
type Db = Kysely<ObjectTables>;

/** What `createUpload` was given and completion needs. */
export interface UploadOptions
  extends Pick<
    PutOptions,
    'contentType' | 'metadata' | 'headers' | 'checksumAlgorithms' | 'checksumType' | 'attributes' | 'replica'
  > {}

/** An upload as the tables know it: key as bytes. */
export interface StoredUploadRef {
  readonly uploadId: string;
  readonly bucket: string;
  readonly key: Uint8Array;
}

const refOf = (upload: StoredUploadRef): UploadRef => ({ ...upload, key: keyText(upload.key) });

async function findUpload(db: Db, upload: StoredUploadRef): Promise<UploadRow | undefined> {
  const { rows } = await sql<UploadRow>`SELECT * FROM object_upload WHERE upload_id = ${upload.uploadId}
    AND bucket = ${upload.bucket} AND key = ${upload.key}`.execute(db);
  return rows[0];
}

async function assertUpload(db: Db, upload: StoredUploadRef): Promise<UploadRow> {
  const row = await findUpload(db, upload);
  if (row === undefined) throw uploadMissing(refOf(upload));
  return row;
}

async function removeUpload(db: Db, uploadId: string): Promise<void> {
  await sql`DELETE FROM object_part WHERE upload_id = ${uploadId}`.execute(db);
  await sql`DELETE FROM object_upload WHERE upload_id = ${uploadId}`.execute(db);
}

/** An upload from its row. */
export function uploadOf(row: UploadRow): UploadInfo {
  const { checksumAlgorithms, checksumType, attributes } = JSON.parse(row.options) as UploadOptions;
  const [checksumAlgorithm] = checksumAlgorithms ?? [];
  return {
    bucket: row.bucket,
    key: keyText(row.key),
    uploadId: row.upload_id,
    startedAt: row.started_at,
    ...(checksumAlgorithm === undefined ? {} : { checksumAlgorithm }),
    ...(checksumType === undefined ? {} : { checksumType }),
    ...(attributes === undefined ? {} : { attributes }),
  };
}

export const uploadProcedures = {
  createUpload: write(async (db, args: UploadRow): Promise<void> => {
    await assertBucket(db, args.bucket);
    await db.insertInto('object_upload').values(args).execute();
  }),

  /** Records a part whose bytes are durable; returns the file it replaces beside the main one, to be removed. */
  putPart: write(async (db, args: { upload: StoredUploadRef; part: PartRow }): Promise<string | undefined> => {
    await assertUpload(db, args.upload);
    const { part } = args;
    const { rows } = await sql<Pick<PartRow, 'file'>>`SELECT file FROM object_part WHERE upload_id = ${part.upload_id}
      AND number = ${part.number}`.execute(db);
    await sql`INSERT INTO object_part (upload_id, number, size, md5, checksums, modified_at, unit, file, crc)
      VALUES (${part.upload_id}, ${part.number}, ${part.size}, ${part.md5}, ${part.checksums}, ${part.modified_at}, ${part.unit}, ${part.file},
        ${part.crc})
      ON CONFLICT (upload_id, number) DO UPDATE SET size = excluded.size, md5 = excluded.md5,
        checksums = excluded.checksums, modified_at = excluded.modified_at, unit = excluded.unit, file = excluded.file,
        crc = excluded.crc`.execute(db);
    return rows[0]?.file ?? undefined;
  }),

  /** The object takes the place of its upload. */
  completeUpload: write(
    async (
      db,
      args: { upload: StoredUploadRef; version: NewVersion; parts?: string },
      context: ProcedureContext,
    ): Promise<PutFacts> => {
      await assertUpload(db, args.upload);
      const facts = await putVersion(db, args.version, context);
      if (args.parts !== undefined) {
        await sql`INSERT INTO object_version_parts (version_id, parts)
          VALUES (${args.version.row.version_id}, ${args.parts})`.execute(db);
      }
      await removeUpload(db, args.upload.uploadId);
      return facts;
    },
  ),

  abortUpload: write(async (db, args: { upload: StoredUploadRef }): Promise<void> => {
    await assertUpload(db, args.upload);
    await removeUpload(db, args.upload.uploadId);
  }),

  upload: read(async (db, args: { upload: StoredUploadRef }): Promise<UploadRow | undefined> => {
    await assertBucket(db, args.upload.bucket);
    return findUpload(db, args.upload);
  }),

  parts: read(async (db, args: { uploadId: string; after: number; max: number }): Promise<PartRow[]> => {
    const { rows } = await sql<PartRow>`SELECT * FROM object_part WHERE upload_id = ${args.uploadId}
      AND number > ${args.after} ORDER BY number LIMIT ${args.max}`.execute(db);
    return rows;
  }),

  uploads: read(
    async (
      db,
      args: { bucket: string; prefix: Uint8Array; after: Uint8Array; afterUploadId: string; max: number },
    ): Promise<UploadInfo[]> => {
      await assertBucket(db, args.bucket);
      const end = afterPrefix(args.prefix);
      const below = end === undefined ? sql`` : sql`AND key < ${end}`;
      const beyond =
        args.afterUploadId === ''
          ? sql`key > ${args.after}`
          : sql`(key > ${args.after} OR (key = ${args.after} AND upload_id > ${args.afterUploadId}))`;
      const { rows } = await sql<UploadRow>`SELECT * FROM object_upload WHERE bucket = ${args.bucket}
        AND key >= ${args.prefix} ${below} AND ${beyond} ORDER BY key, upload_id LIMIT ${args.max}`.execute(db);
      return rows.map(uploadOf);
    },
  ),
};
