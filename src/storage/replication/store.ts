/**
 * What is still to be replicated, and what could not be.
 *
 * Invariants
 * - A task stands here from the transaction on in which the consumer moves past its event, until its destination has
 *   durably taken it, or refused it: then it stays as a failure, for people to see.
 * - Tasks of one destination are done in the order of their ids as far as they are about the same key.
 */
import { sql } from 'kysely';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';

interface TaskRow {
  id: number;
  bucket: string;
  key: string;
  version_id: string;
  kind: TaskKind;
  destination: string;
  rule: string;
  size: number;
  queued_at: number;
  attempts: number;
  failed: number;
  failure: string | null;
}

interface PlaceRow {
  bucket: string;
  key: string;
  version_id: string;
  destination: string;
  remote_version: string;
}

interface ReplicationTables {
  replica_task: TaskRow;
  replica_place: PlaceRow;
}

/** A new version, a delete marker, or a change of what may change of a version. */
export type TaskKind = 'object' | 'marker' | 'attributes';

/** Something to be replicated to one destination. **Units**: bytes; milliseconds since 1970 UTC. */
export interface NewTask {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string;
  readonly kind: TaskKind;
  /** ARN of the destination's bucket. */
  readonly destination: string;
  readonly rule: string;
  readonly size: number;
  readonly queuedAt: number;
}

export interface WaitingTask extends NewTask {
  readonly id: number;
  readonly attempts: number;
  readonly failure?: string;
}

/** What waits and what failed by one rule. */
export interface TaskFigures {
  readonly bucket: string;
  readonly rule: string;
  readonly destination: string;
  readonly pending: number;
  readonly pendingBytes: number;
  readonly oldestAt: number | null;
  readonly failed: number;
}

const { read, write } = proceduresOver<ReplicationTables>();
/** So many failures are kept of a destination; older ones go. */
const KEPT_FAILURES = 10_000;

const taskOf = (row: TaskRow): WaitingTask => ({
  id: row.id,
  bucket: row.bucket,
  key: row.key,
  versionId: row.version_id,
  kind: row.kind,
  destination: row.destination,
  rule: row.rule,
  size: row.size,
  queuedAt: row.queued_at,
  attempts: row.attempts,
  ...(row.failure === null ? {} : { failure: row.failure }),
});

export default defineStoreModule('storageReplication', {
  migrations: [
    {
      number: 1,
      name: 'what is to be replicated',
      statements: [
        `CREATE TABLE IF NOT EXISTS replica_task (
           id INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL,
           kind TEXT NOT NULL, destination TEXT NOT NULL, rule TEXT NOT NULL, size BIGINT NOT NULL,
           queued_at BIGINT NOT NULL, attempts BIGINT NOT NULL, failed BIGINT NOT NULL, failure TEXT)`,
        `CREATE INDEX IF NOT EXISTS replica_task_due ON replica_task (destination, failed, id)`,
        `CREATE INDEX IF NOT EXISTS replica_task_version ON replica_task (bucket, key, version_id)`,
        `CREATE TABLE IF NOT EXISTS replica_place (
           bucket TEXT NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL, destination TEXT NOT NULL,
           remote_version TEXT NOT NULL, PRIMARY KEY (bucket, key, version_id, destination)) WITHOUT ROWID`,
      ],
    },
  ],
  procedures: {
    /** A version that failed before is tried anew: its failure goes. */
    enqueue: write(async (db, args: { tasks: readonly NewTask[] }): Promise<void> => {
      for (const task of args.tasks) {
        await sql`DELETE FROM replica_task WHERE bucket = ${task.bucket} AND key = ${task.key}
          AND version_id = ${task.versionId} AND destination = ${task.destination} AND failed = 1`.execute(db);
        await sql`INSERT INTO replica_task (bucket, key, version_id, kind, destination, rule, size, queued_at,
            attempts, failed)
          VALUES (${task.bucket}, ${task.key}, ${task.versionId}, ${task.kind}, ${task.destination}, ${task.rule},
            ${task.size}, ${task.queuedAt}, 0, 0)`.execute(db);
      }
    }),

    /** Destinations that something waits for. */
    destinations: read(async (db, _: Record<never, never>): Promise<string[]> => {
      const { rows } = await sql<{ destination: string }>`SELECT DISTINCT destination FROM replica_task
        WHERE failed = 0`.execute(db);
      return rows.map(({ destination }) => destination);
    }),

    waiting: read(async (db, args: { destination: string; limit: number }): Promise<WaitingTask[]> => {
      const { rows } = await sql<TaskRow>`SELECT * FROM replica_task WHERE destination = ${args.destination}
        AND failed = 0 ORDER BY id LIMIT ${args.limit}`.execute(db);
      return rows.map(taskOf);
    }),

    /** The destination has taken it. `remoteVersion` is what it calls the version, where that is not our name. */
    done: write(async (db, args: { task: WaitingTask; remoteVersion?: string }): Promise<void> => {
      const { task, remoteVersion } = args;
      await sql`DELETE FROM replica_task WHERE id = ${task.id}`.execute(db);
      if (remoteVersion === undefined) return;
      await sql`INSERT INTO replica_place (bucket, key, version_id, destination, remote_version)
        VALUES (${task.bucket}, ${task.key}, ${task.versionId}, ${task.destination}, ${remoteVersion})
        ON CONFLICT (bucket, key, version_id, destination) DO UPDATE SET remote_version = excluded.remote_version`.execute(
        db,
      );
    }),

    placeOf: read(async (db, { task }: { task: NewTask }): Promise<string | undefined> => {
      const { rows } = await sql<PlaceRow>`SELECT remote_version FROM replica_place WHERE bucket = ${task.bucket}
        AND key = ${task.key} AND version_id = ${task.versionId} AND destination = ${task.destination}`.execute(db);
      return rows[0]?.remote_version;
    }),

    /** It is not taken: for good, or not yet. */
    refused: write(async (db, args: { task: WaitingTask; failure: string; forGood: boolean }): Promise<void> => {
      const { task, failure, forGood } = args;
      await sql`UPDATE replica_task SET attempts = attempts + 1, failure = ${failure},
        failed = ${forGood ? 1 : 0} WHERE id = ${task.id}`.execute(db);
      if (!forGood) return;
      await sql`DELETE FROM replica_task WHERE destination = ${task.destination} AND failed = 1 AND id <= (
          SELECT id FROM replica_task WHERE destination = ${task.destination} AND failed = 1
          ORDER BY id DESC LIMIT 1 OFFSET ${KEPT_FAILURES})`.execute(db);
    }),

    /** What else is left to do of a version, and what failed of it. */
    stateOf: read(async (db, { task }: { task: WaitingTask }): Promise<{ waiting: number; failed: number }> => {
      const { rows } = await sql<{ waiting: number | null; failed: number | null }>`
        SELECT SUM(1 - failed) AS waiting, SUM(failed) AS failed FROM replica_task WHERE bucket = ${task.bucket}
        AND key = ${task.key} AND version_id = ${task.versionId} AND id <> ${task.id}`.execute(db);
      return { waiting: Number(rows[0]?.waiting ?? 0), failed: Number(rows[0]?.failed ?? 0) };
    }),

    figures: read(async (db, args: { bucket?: string }): Promise<TaskFigures[]> => {
      const of = args.bucket === undefined ? sql`` : sql`WHERE bucket = ${args.bucket}`;
      const { rows } = await sql<TaskFigures>`SELECT bucket, rule, destination, SUM(1 - failed) AS pending,
          SUM(CASE WHEN failed = 0 THEN size ELSE 0 END) AS "pendingBytes",
          MIN(CASE WHEN failed = 0 THEN queued_at END) AS "oldestAt", SUM(failed) AS failed
        FROM replica_task ${of} GROUP BY bucket, rule, destination ORDER BY bucket, rule, destination`.execute(db);
      return rows.map((row) => ({ ...row }));
    }),

    failures: read(async (db, args: { bucket: string; limit: number }): Promise<WaitingTask[]> => {
      const { rows } = await sql<TaskRow>`SELECT * FROM replica_task WHERE bucket = ${args.bucket} AND failed = 1
        ORDER BY id DESC LIMIT ${args.limit}`.execute(db);
      return rows.map(taskOf);
    }),

    /** For the transactions that make and delete a bucket, and for a configuration that is taken away. */
    forget: write(async (db, args: { bucket: string }): Promise<void> => {
      await db.deleteFrom('replica_task').where('bucket', '=', args.bucket).execute();
      await db.deleteFrom('replica_place').where('bucket', '=', args.bucket).execute();
    }),
  },
});
