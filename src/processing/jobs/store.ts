/**
 * Jobs, their runs and bookmarks.
 *
 * Invariants
 * - At most one run of a job is active (not in a final state): the unique index says so.
 * - A bookmark row says which version of an object the last committed run read; it is written in the transaction that
 *   marks the run SUCCEEDED, never before.
 * - The objects of a run are pinned in the transaction that makes it RUNNING; `plan` is set in the one that makes it
 *   COMMITTING and holds all that is needed to commit without reading anything again.
 */
import { LochError, type SerializedError } from '../../core/errors.ts';
import { defineStoreModule, type ProcedureContext, proceduresOver } from '../../metadata/contract.ts';
import type { Kysely } from 'kysely';
import type { JobDefinition, JobRun, JobRunCounts, JobRunState } from '../contract.ts';
import type { CallerRecord, JobRecord, PinnedObject, RunRecord } from './records.ts';

interface JobRow {
  name: string;
  definition: string;
  owner: string;
  created_at: number;
  updated_at: number;
}

interface RunRow {
  id: string;
  job: string;
  state: JobRunState;
  active: number;
  attempt: number;
  started_at: number;
  ended_at: number | null;
  counts: string | null;
  snapshot_id: string | null;
  error: string | null;
  workflow_run_id: string | null;
  started_by: string;
  caller: string;
  plan: string | null;
}

interface ObjectRow {
  run_id: string;
  bucket: string;
  key: string;
  version_id: string;
  size: number;
}

interface BookmarkRow {
  job: string;
  bucket: string;
  key: string;
  version_id: string;
  run_id: string;
}

export interface JobTables {
  job: JobRow;
  job_run: RunRow;
  job_run_object: ObjectRow;
  job_bookmark: BookmarkRow;
}

const { read, write } = proceduresOver<JobTables>();
const ROWS_AT_ONCE = 200;

function toRun(row: RunRow): JobRun {
  return {
    id: row.id,
    job: row.job,
    state: row.state,
    attempt: row.attempt,
    startedAt: row.started_at,
    startedBy: row.started_by,
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.counts === null ? {} : { counts: JSON.parse(row.counts) as JobRunCounts }),
    ...(row.snapshot_id === null ? {} : { snapshotId: row.snapshot_id }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as { code: string; message: string } }),
    ...(row.workflow_run_id === null ? {} : { workflowRunId: row.workflow_run_id }),
  };
}

const toRecord = (row: RunRow): RunRecord => ({
  run: toRun(row),
  caller: JSON.parse(row.caller) as CallerRecord,
  ...(row.plan === null ? {} : { plan: row.plan }),
});

async function activeRun(db: Kysely<JobTables>, runId: string): Promise<RunRow> {
  const row = await db.selectFrom('job_run').selectAll().where('id', '=', runId).executeTakeFirst();
  if (row === undefined) throw new LochError('not_found', `There is no job run \`${runId}\`.`);
  if (row.active === 0) throw new LochError('conflict', `The run \`${runId}\` is over: it is ${row.state}.`);
  return row;
}

function emitState(context: ProcedureContext, row: { job: string; id: string }, state: JobRunState): void {
  context.emit({ name: 'processingJobRunChanged', payload: { job: row.job, runId: row.id, state } });
}

const jobModule = defineStoreModule('job', {
  migrations: [
    {
      number: 1,
      name: 'jobs, runs, bookmarks',
      statements: [
        `CREATE TABLE job (name TEXT PRIMARY KEY, definition TEXT NOT NULL, owner TEXT NOT NULL,
           created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)`,
        `CREATE TABLE job_run (id TEXT PRIMARY KEY, job TEXT NOT NULL, state TEXT NOT NULL, active INTEGER NOT NULL,
           attempt INTEGER NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT, counts TEXT, snapshot_id TEXT, error TEXT,
           workflow_run_id TEXT, started_by TEXT NOT NULL, caller TEXT NOT NULL, plan TEXT)`,
        'CREATE UNIQUE INDEX job_run_one_active ON job_run (job) WHERE active = 1',
        'CREATE INDEX job_run_by_job ON job_run (job, started_at)',
        'CREATE INDEX job_run_by_time ON job_run (started_at)',
        'CREATE INDEX job_run_by_workflow ON job_run (workflow_run_id)',
        `CREATE TABLE job_run_object (run_id TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL,
           version_id TEXT NOT NULL, size BIGINT NOT NULL, PRIMARY KEY (run_id, bucket, key))`,
        `CREATE TABLE job_bookmark (job TEXT NOT NULL, bucket TEXT NOT NULL, key TEXT NOT NULL, version_id TEXT NOT NULL,
           run_id TEXT NOT NULL, PRIMARY KEY (job, bucket, key))`,
      ],
    },
  ],
  procedures: {
    put: write(async (db, args: { definition: JobDefinition; owner: string }, { now }): Promise<void> => {
      const definition = JSON.stringify(args.definition);
      await db
        .insertInto('job')
        .values({ name: args.definition.name, definition, owner: args.owner, created_at: now, updated_at: now })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ definition, updated_at: now }))
        .execute();
    }),

    get: read(async (db, args: { name: string }): Promise<JobRecord | undefined> => {
      const row = await db.selectFrom('job').selectAll().where('name', '=', args.name).executeTakeFirst();
      if (row === undefined) return undefined;
      return {
        definition: JSON.parse(row.definition) as JobDefinition,
        owner: row.owner,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
      };
    }),

    list: read(async (db, _: Record<never, never>): Promise<JobDefinition[]> => {
      const rows = await db.selectFrom('job').select('definition').orderBy('name').execute();
      return rows.map((row) => JSON.parse(row.definition) as JobDefinition);
    }),

    /** Removes the job and its bookmark; its runs stay as history. */
    delete: write(async (db, args: { name: string }): Promise<void> => {
      const active = await db
        .selectFrom('job_run')
        .select('id')
        .where('job', '=', args.name)
        .where('active', '=', 1)
        .executeTakeFirst();
      if (active !== undefined) {
        throw new LochError('concurrent_run', `The job \`${args.name}\` runs (${active.id}). Stop the run first.`);
      }
      await db.deleteFrom('job').where('name', '=', args.name).execute();
      await db.deleteFrom('job_bookmark').where('job', '=', args.name).execute();
    }),

    resetBookmark: write(async (db, args: { name: string }): Promise<void> => {
      const active = await db
        .selectFrom('job_run')
        .select('id')
        .where('job', '=', args.name)
        .where('active', '=', 1)
        .executeTakeFirst();
      if (active !== undefined) {
        throw new LochError(
          'concurrent_run',
          `The job \`${args.name}\` runs (${active.id}). Wait for its end, then reset.`,
        );
      }
      await db.deleteFrom('job_bookmark').where('job', '=', args.name).execute();
    }),

    startRun: write(
      async (
        db,
        args: { id: string; job: string; caller: CallerRecord; workflowRunId?: string },
        context,
      ): Promise<JobRun> => {
        const active = await db
          .selectFrom('job_run')
          .select('id')
          .where('job', '=', args.job)
          .where('active', '=', 1)
          .executeTakeFirst();
        if (active !== undefined) {
          throw new LochError(
            'concurrent_run',
            `The job \`${args.job}\` runs already (${active.id}). Wait for its end or stop it, then start again.`,
            { context: { job: args.job, runId: active.id } },
          );
        }
        const row: RunRow = {
          id: args.id,
          job: args.job,
          state: 'STARTING',
          active: 1,
          attempt: 1,
          started_at: context.now,
          ended_at: null,
          counts: null,
          snapshot_id: null,
          error: null,
          workflow_run_id: args.workflowRunId ?? null,
          started_by: args.caller.principalArn,
          caller: JSON.stringify(args.caller),
          plan: null,
        };
        await db.insertInto('job_run').values(row).execute();
        emitState(context, row, 'STARTING');
        return toRun(row);
      },
    ),

    run: read(async (db, args: { id: string }): Promise<RunRecord | undefined> => {
      const row = await db.selectFrom('job_run').selectAll().where('id', '=', args.id).executeTakeFirst();
      return row === undefined ? undefined : toRecord(row);
    }),

    runs: read(async (db, args: { job?: string; workflowRunId?: string; limit: number }): Promise<JobRun[]> => {
      let query = db.selectFrom('job_run').selectAll();
      if (args.job !== undefined) query = query.where('job', '=', args.job);
      if (args.workflowRunId !== undefined) query = query.where('workflow_run_id', '=', args.workflowRunId);
      const rows = await query.orderBy('started_at', 'desc').orderBy('id').limit(args.limit).execute();
      return rows.map(toRun);
    }),

    activeRuns: read(async (db, _: Record<never, never>): Promise<RunRecord[]> => {
      const rows = await db.selectFrom('job_run').selectAll().where('active', '=', 1).orderBy('started_at').execute();
      return rows.map(toRecord);
    }),

    /** Which of the listed objects the job has not read in this version, in the order given. */
    unread: read(
      async (db, args: { job: string; bucket: string; objects: readonly PinnedObject[] }): Promise<PinnedObject[]> => {
        const known = new Map<string, string>();
        for (let i = 0; i < args.objects.length; i += ROWS_AT_ONCE) {
          const keys = args.objects.slice(i, i + ROWS_AT_ONCE).map((object) => object.key);
          const rows = await db
            .selectFrom('job_bookmark')
            .select(['key', 'version_id'])
            .where('job', '=', args.job)
            .where('bucket', '=', args.bucket)
            .where('key', 'in', keys)
            .execute();
          for (const row of rows) known.set(row.key, row.version_id);
        }
        return args.objects.filter((object) => known.get(object.key) !== object.versionId);
      },
    ),

    /** The run reads exactly these objects from now on: STARTING → RUNNING, or RUNNING with a new list. */
    pin: write(async (db, args: { id: string; objects: readonly PinnedObject[] }, context): Promise<void> => {
      const row = await activeRun(db, args.id);
      await db.deleteFrom('job_run_object').where('run_id', '=', args.id).execute();
      for (let i = 0; i < args.objects.length; i += ROWS_AT_ONCE) {
        const values = args.objects.slice(i, i + ROWS_AT_ONCE).map((object) => ({
          run_id: args.id,
          bucket: object.bucket,
          key: object.key,
          version_id: object.versionId,
          size: object.size,
        }));
        await db.insertInto('job_run_object').values(values).execute();
      }
      await db.updateTable('job_run').set({ state: 'RUNNING', plan: null }).where('id', '=', args.id).execute();
      if (row.state !== 'RUNNING') emitState(context, row, 'RUNNING');
    }),

    pinned: read(async (db, args: { id: string }): Promise<PinnedObject[]> => {
      const rows = await db
        .selectFrom('job_run_object')
        .selectAll()
        .where('run_id', '=', args.id)
        .orderBy('bucket')
        .orderBy('key')
        .execute();
      return rows.map((row) => ({ bucket: row.bucket, key: row.key, versionId: row.version_id, size: row.size }));
    }),

    /** Everything the commit needs is durable: RUNNING → COMMITTING. */
    stage: write(async (db, args: { id: string; plan: string; counts: JobRunCounts }, context): Promise<void> => {
      const row = await activeRun(db, args.id);
      await db
        .updateTable('job_run')
        .set({ state: 'COMMITTING', plan: args.plan, counts: JSON.stringify(args.counts) })
        .where('id', '=', args.id)
        .execute();
      emitState(context, row, 'COMMITTING');
    }),

    /** Back to reading: the commit met a newer table. The pinned objects stay. */
    unstage: write(async (db, args: { id: string }, context): Promise<void> => {
      const row = await activeRun(db, args.id);
      await db
        .updateTable('job_run')
        .set({ state: 'RUNNING', plan: null, counts: null })
        .where('id', '=', args.id)
        .execute();
      emitState(context, row, 'RUNNING');
    }),

    /** A failed attempt that is tried again: → WAITING, the attempt counted, the pinned objects kept. */
    retry: write(async (db, args: { id: string; error: SerializedError }, context): Promise<void> => {
      const row = await activeRun(db, args.id);
      await db
        .updateTable('job_run')
        .set({
          state: 'WAITING',
          attempt: row.attempt + 1,
          plan: null,
          counts: null,
          error: JSON.stringify({ code: args.error.code, message: args.error.message }),
        })
        .where('id', '=', args.id)
        .execute();
      emitState(context, row, 'WAITING');
    }),

    /** The run is done: its objects become the bookmark in this same transaction. */
    succeed: write(
      async (db, args: { id: string; counts: JobRunCounts; snapshotId?: string }, context): Promise<JobRun> => {
        const row = await activeRun(db, args.id);
        await db
          .insertInto('job_bookmark')
          .columns(['job', 'bucket', 'key', 'version_id', 'run_id'])
          .expression(
            db
              .selectFrom('job_run_object')
              .select((e) => [e.val(row.job).as('job'), 'bucket', 'key', 'version_id', 'run_id'])
              .where('run_id', '=', args.id),
          )
          .onConflict((conflict) =>
            conflict.columns(['job', 'bucket', 'key']).doUpdateSet((e) => ({
              version_id: e.ref('excluded.version_id'),
              run_id: e.ref('excluded.run_id'),
            })),
          )
          .execute();
        return finish(db, row, context, {
          state: 'SUCCEEDED',
          counts: JSON.stringify(args.counts),
          snapshot_id: args.snapshotId ?? null,
          error: null,
        });
      },
    ),

    /** The run is over without a result. */
    fail: write(
      async (
        db,
        args: { id: string; state: 'FAILED' | 'STOPPED'; error?: SerializedError },
        context,
      ): Promise<JobRun> => {
        const row = await activeRun(db, args.id);
        return finish(db, row, context, {
          state: args.state,
          counts: null,
          snapshot_id: null,
          error:
            args.error === undefined ? null : JSON.stringify({ code: args.error.code, message: args.error.message }),
        });
      },
    ),
  },
});

async function finish(
  db: Kysely<JobTables>,
  row: RunRow,
  context: ProcedureContext,
  change: Pick<RunRow, 'state' | 'counts' | 'snapshot_id' | 'error'>,
): Promise<JobRun> {
  const next = { ...change, active: 0, ended_at: context.now, plan: null };
  await db.updateTable('job_run').set(next).where('id', '=', row.id).execute();
  await db.deleteFrom('job_run_object').where('run_id', '=', row.id).execute();
  emitState(context, row, change.state);
  return toRun({ ...row, ...next });
}

export const jobProcedures = jobModule.procedures;
export default jobModule;
