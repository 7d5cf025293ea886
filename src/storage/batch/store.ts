/**
 * Batch jobs at rest.
 *
 * Invariants
 * - How far a job is, its counts and the lines of its report move in one transaction: after a crash the tasks of at most
 *   one chunk are done again, and none is missing from the report or in it twice.
 * - A status changes only from those it may follow.
 */
import { sql } from 'kysely';
import type { Kysely } from 'kysely';
import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import type { BatchJob, BatchStatus, NewBatchJob } from './contract-types.ts';

interface JobRow {
  id: string;
  account_id: string;
  token: string;
  priority: number;
  status: BatchStatus;
  status_reason: string | null;
  definition: string;
  tags: string;
  total: number | null;
  done: number;
  succeeded: number;
  failed: number;
  active_ms: number;
  failures: string;
  created_at: number;
  ended_at: number | null;
  suspended_at: number | null;
  confirmed: number;
}

interface LineRow {
  job_id: string;
  number: number;
  ok: number;
  line: string;
}

interface BatchTables {
  batch_job: JobRow;
  batch_line: LineRow;
}

const { read, write } = proceduresOver<BatchTables>();

/** A job with how far it is, for whoever does it. */
export interface StoredJob extends BatchJob {
  /** Tasks that are done, from the first of the manifest on. */
  readonly done: number;
  /** Somebody said that it may begin, or nobody has to. */
  readonly confirmed: boolean;
}

/** A line of a report. */
export interface ReportLine {
  readonly number: number;
  readonly ok: boolean;
  readonly line: string;
}

type Definition = Omit<NewBatchJob, 'token' | 'priority' | 'tags'>;

function jobOf(row: JobRow): StoredJob {
  return {
    ...(JSON.parse(row.definition) as Definition),
    id: row.id,
    accountId: row.account_id,
    priority: row.priority,
    status: row.status,
    ...(row.status_reason === null ? {} : { statusReason: row.status_reason }),
    tags: JSON.parse(row.tags) as Record<string, string>,
    ...(row.total === null ? {} : { total: row.total }),
    done: row.done,
    succeeded: row.succeeded,
    failed: row.failed,
    activeMs: row.active_ms,
    failures: JSON.parse(row.failures) as BatchJob['failures'],
    createdAt: row.created_at,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.suspended_at === null ? {} : { suspendedAt: row.suspended_at }),
    confirmed: row.confirmed === 1,
  };
}

const rowOf = (db: Kysely<BatchTables>, id: string) =>
  db.selectFrom('batch_job').selectAll().where('id', '=', id).executeTakeFirst();

export default defineStoreModule('storageBatch', {
  migrations: [
    {
      number: 1,
      name: 'batch jobs',
      statements: [
        `CREATE TABLE IF NOT EXISTS batch_job (
           id TEXT PRIMARY KEY, account_id TEXT NOT NULL, token TEXT NOT NULL, priority BIGINT NOT NULL,
           status TEXT NOT NULL, status_reason TEXT, definition TEXT NOT NULL, tags TEXT NOT NULL, total BIGINT,
           done BIGINT NOT NULL, succeeded BIGINT NOT NULL, failed BIGINT NOT NULL, active_ms BIGINT NOT NULL,
           failures TEXT NOT NULL, created_at BIGINT NOT NULL, ended_at BIGINT, suspended_at BIGINT,
           confirmed BIGINT NOT NULL)`,
        `CREATE UNIQUE INDEX IF NOT EXISTS batch_job_token ON batch_job (account_id, token)`,
        `CREATE INDEX IF NOT EXISTS batch_job_status ON batch_job (status, priority)`,
        `CREATE TABLE IF NOT EXISTS batch_line (
           job_id TEXT NOT NULL, number BIGINT NOT NULL, ok BIGINT NOT NULL, line TEXT NOT NULL,
           PRIMARY KEY (job_id, number)) WITHOUT ROWID`,
      ],
    },
  ],
  procedures: {
    /** The id of the job; of one that was made with the token before, its. */
    create: write(async (db, args: { id: string; accountId: string; job: NewBatchJob }, { now }): Promise<string> => {
      const { token, priority, tags, ...definition } = args.job;
      const known = await db
        .selectFrom('batch_job')
        .select('id')
        .where('account_id', '=', args.accountId)
        .where('token', '=', token)
        .executeTakeFirst();
      if (known !== undefined) return known.id;
      await db
        .insertInto('batch_job')
        .values({
          id: args.id,
          account_id: args.accountId,
          token,
          priority,
          status: 'New',
          status_reason: null,
          definition: JSON.stringify(definition),
          tags: JSON.stringify(tags),
          total: null,
          done: 0,
          succeeded: 0,
          failed: 0,
          active_ms: 0,
          failures: '[]',
          created_at: now,
          ended_at: null,
          suspended_at: null,
          confirmed: definition.confirmationRequired ? 0 : 1,
        })
        .execute();
      return args.id;
    }),

    job: read(async (db, { id }: { id: string }): Promise<StoredJob | undefined> => {
      const row = await rowOf(db, id);
      return row === undefined ? undefined : jobOf(row);
    }),

    list: read(
      async (
        db,
        args: { accountId: string; statuses?: readonly string[]; after?: string; limit: number },
      ): Promise<StoredJob[]> => {
        const after = args.after === undefined ? undefined : await rowOf(db, args.after);
        const { rows } = await sql<JobRow>`SELECT * FROM batch_job WHERE account_id = ${args.accountId}
          ${args.statuses === undefined ? sql`` : sql`AND status IN (${sql.join([...args.statuses])})`}
          ${after === undefined ? sql`` : sql`AND (created_at, id) < (${after.created_at}, ${after.id})`}
          ORDER BY created_at DESC, id DESC LIMIT ${args.limit}`.execute(db);
        return rows.map(jobOf);
      },
    ),

    /** The job to go on with: the greatest priority, the oldest of those. */
    next: read(async (db, _: Record<never, never>): Promise<StoredJob | undefined> => {
      const { rows } = await sql<JobRow>`SELECT * FROM batch_job
        WHERE status IN ('New', 'Preparing', 'Ready', 'Active', 'Completing')
        ORDER BY status IN ('New', 'Preparing') DESC, priority DESC, created_at, id LIMIT 1`.execute(db);
      return rows[0] === undefined ? undefined : jobOf(rows[0]);
    }),

    setPriority: write(async (db, args: { id: string; priority: number }): Promise<void> => {
      await db.updateTable('batch_job').set({ priority: args.priority }).where('id', '=', args.id).execute();
    }),

    setTags: write(async (db, args: { id: string; tags: Readonly<Record<string, string>> }): Promise<void> => {
      await db
        .updateTable('batch_job')
        .set({ tags: JSON.stringify(args.tags) })
        .where('id', '=', args.id)
        .execute();
    }),

    /** **Errors**: `conflict` when it has none of the statuses `from`. */
    setStatus: write(
      async (
        db,
        args: {
          id: string;
          from: readonly BatchStatus[];
          to: BatchStatus;
          reason?: string;
          total?: number;
          failure?: { readonly code: string; readonly reason: string };
          confirmed?: true;
        },
        { now },
      ): Promise<void> => {
        const row = await rowOf(db, args.id);
        if (row === undefined || !args.from.includes(row.status)) {
          throw new LochError(
            'conflict',
            `The job is ${row?.status ?? 'gone'}; only ${args.from.join(', ')} can become ${args.to}.`,
            {
              context: { job: args.id, status: row?.status ?? '' },
            },
          );
        }
        const ends = args.to === 'Complete' || args.to === 'Cancelled' || args.to === 'Failed';
        const failures = JSON.parse(row.failures) as BatchJob['failures'];
        await db
          .updateTable('batch_job')
          .set({
            status: args.to,
            ...(args.reason === undefined ? {} : { status_reason: args.reason }),
            ...(args.total === undefined ? {} : { total: args.total }),
            ...(args.failure === undefined ? {} : { failures: JSON.stringify([...failures, args.failure]) }),
            ...(args.confirmed === undefined ? {} : { confirmed: 1 }),
            ...(ends ? { ended_at: now } : {}),
            ...(args.to === 'Suspended' ? { suspended_at: now } : {}),
          })
          .where('id', '=', args.id)
          .execute();
      },
    ),

    /** A chunk is done. Nothing moves when another did it meanwhile, or the job was ended. */
    advance: write(
      async (
        db,
        args: {
          id: string;
          from: number;
          done: number;
          succeeded: number;
          failed: number;
          ms: number;
          lines: readonly ReportLine[];
        },
      ): Promise<void> => {
        const row = await rowOf(db, args.id);
        if (row === undefined || row.done !== args.from) return;
        await db
          .updateTable('batch_job')
          .set({
            done: args.done,
            succeeded: row.succeeded + args.succeeded,
            failed: row.failed + args.failed,
            active_ms: row.active_ms + args.ms,
            ...(row.total !== null && row.total < args.done ? { total: args.done } : {}),
          })
          .where('id', '=', args.id)
          .execute();
        for (const { number, ok, line } of args.lines) {
          await db
            .insertInto('batch_line')
            .values({ job_id: args.id, number, ok: ok ? 1 : 0, line })
            .execute();
        }
      },
    ),

    lines: read(async (db, args: { id: string; ok: boolean; after: number; limit: number }): Promise<ReportLine[]> => {
      const { rows } = await sql<LineRow>`SELECT * FROM batch_line WHERE job_id = ${args.id} AND number > ${args.after}
          AND ok = ${args.ok ? 1 : 0} ORDER BY number LIMIT ${args.limit}`.execute(db);
      return rows.map(({ number, ok, line }) => ({ number, ok: ok === 1, line }));
    }),

    /** The lines of a report that stands in its bucket. */
    forgetLines: write(async (db, args: { id: string }): Promise<void> => {
      await db.deleteFrom('batch_line').where('job_id', '=', args.id).execute();
    }),
  },
});
