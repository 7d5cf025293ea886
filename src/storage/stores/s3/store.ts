import { type Kysely, sql } from 'kysely';
import { defineStoreModule, proceduresOver } from '../../../metadata/contract.ts';

/** Bytes that are, or may be, in the remote store and that no version names yet. */
export interface IntentRow {
  version_id: string;
  bucket: string;
  key: Uint8Array;
  /** In the remote store. */
  name: string;
  placed_at: number;
  /** Ours: the intent lives as long as the upload does. */
  upload_id: string | null;
  /** The service's. */
  remote_upload_id: string | null;
  /** What a completion was asked for, `[number, etag]` as JSON, written before the service is asked. */
  parts: string | null;
}

interface RemoteTables {
  remote_store: { id: string };
  remote_intent: IntentRow;
}

const { read, write } = proceduresOver<RemoteTables>();
type Db = Kysely<RemoteTables>;

async function hasObjects(db: Db): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM object_current UNION ALL SELECT 1 FROM object_version LIMIT 1`.execute(db);
  return rows.length > 0;
}

/** The remote store's own rows: who we are there, and what was begun. */
const remoteStoreModule = defineStoreModule('storageRemote', {
  migrations: [
    {
      number: 1,
      name: 'identity of the remote store, intents',
      statements: [
        'CREATE TABLE IF NOT EXISTS remote_store (id TEXT PRIMARY KEY)',
        `CREATE TABLE IF NOT EXISTS remote_intent (
           version_id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, name TEXT NOT NULL,
           placed_at BIGINT NOT NULL, upload_id TEXT, remote_upload_id TEXT, parts TEXT)`,
        'CREATE INDEX IF NOT EXISTS remote_intent_age ON remote_intent (placed_at, version_id)',
      ],
    },
  ],
  procedures: {
    /** Whose remote store this lake uses, and whether it has objects. */
    identity: read(async (db): Promise<{ id: string | undefined; hasObjects: boolean }> => {
      const row = await db.selectFrom('remote_store').select('id').executeTakeFirst();
      return { id: row?.id, hasObjects: await hasObjects(db) };
    }),

    become: write(async (db, args: { id: string }): Promise<void> => {
      await db.insertInto('remote_store').values(args).execute();
    }),

    intend: write(async (db, args: { row: IntentRow }): Promise<void> => {
      await db.insertInto('remote_intent').values(args.row).execute();
    }),

    /** The service's id of an upload, once it has given one. */
    uploadBegun: write(async (db, args: { versionId: string; remoteUploadId: string }): Promise<void> => {
      await sql`UPDATE remote_intent SET remote_upload_id = ${args.remoteUploadId}
        WHERE version_id = ${args.versionId}`.execute(db);
    }),

    /** The upload of ours that an intent belongs to. */
    uploadRecorded: write(async (db, args: { versionId: string; uploadId: string }): Promise<void> => {
      await sql`UPDATE remote_intent SET upload_id = ${args.uploadId} WHERE version_id = ${args.versionId}`.execute(db);
    }),

    completing: write(async (db, args: { versionId: string; parts: string }): Promise<void> => {
      await sql`UPDATE remote_intent SET parts = ${args.parts} WHERE version_id = ${args.versionId}`.execute(db);
    }),

    intent: read(async (db, args: { versionId: string }): Promise<IntentRow | undefined> => {
      const { rows } = await sql<IntentRow>`SELECT * FROM remote_intent WHERE version_id = ${args.versionId}`.execute(
        db,
      );
      return rows[0];
    }),

    fulfil: write(async (db, args: { versionIds: readonly string[] }): Promise<void> => {
      for (const versionId of args.versionIds) {
        await sql`DELETE FROM remote_intent WHERE version_id = ${versionId}`.execute(db);
      }
    }),

    /** Intents of before `before`, oldest first, after the one named. */
    intents: read(
      async (
        db,
        args: { before: number; after?: { placedAt: number; versionId: string }; limit: number },
      ): Promise<IntentRow[]> => {
        const { placedAt, versionId } = args.after ?? { placedAt: -1, versionId: '' };
        const { rows } = await sql<IntentRow>`SELECT * FROM remote_intent WHERE placed_at < ${args.before}
          AND (placed_at > ${placedAt} OR (placed_at = ${placedAt} AND version_id > ${versionId}))
          ORDER BY placed_at, version_id LIMIT ${args.limit}`.execute(db);
        return rows;
      },
    ),
  },
});

export default remoteStoreModule;
