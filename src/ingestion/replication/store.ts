import { LochError } from '../../core/errors.ts';
import { defineStoreModule, proceduresOver } from '../../metadata/contract.ts';
import type { FullLoadRun, FullLoadState } from '../contract.ts';

interface ReplicationTables {
  replication_task: { name: string; definition: string; url: Uint8Array; shown_url: string; updated_at: number };
  replication_run: {
    id: string;
    task: string;
    state: FullLoadState;
    started_at: number;
    ended_at: number | null;
    error: string | null;
    notices: string;
    starter: string;
  };
  replication_table: {
    run_id: string;
    name: string;
    place: number;
    state: FullLoadState;
    source_table: string;
    rows: number;
    bytes: number;
    lsn: string;
  };
  replication_range: {
    run_id: string;
    table_name: string;
    number: number;
    source_range: string;
    object_key: string;
    done: number;
    rows: number;
    bytes: number;
  };
}

/** A task as it is kept: the URL sealed, the rest as JSON. */
export interface StoredTask {
  readonly name: string;
  /** JSON of the task without its source. */
  readonly definition: string;
  readonly url: Uint8Array;
  readonly shownUrl: string;
}

/** A table of a run as its ranges were planned under one snapshot. */
export interface PlannedTable {
  readonly name: string;
  /** JSON of the connector's table. */
  readonly sourceTable: string;
  readonly lsn: string;
  readonly ranges: readonly { readonly sourceRange: string; readonly objectKey: string }[];
}

export interface RunTable extends Omit<PlannedTable, 'ranges'> {
  readonly state: FullLoadState;
  readonly ranges: readonly { readonly objectKey: string; readonly done: boolean }[];
}

const { read, write } = proceduresOver<ReplicationTables>();
const ACTIVE: FullLoadState[] = ['CREATED', 'SNAPSHOTTING', 'LOADING'];

/** Full-load tasks, their runs, and which ranges of which tables are landed. */
const replicationStore = defineStoreModule('ingestionReplication', {
  migrations: [
    {
      number: 1,
      name: 'full-load tasks and runs',
      statements: [
        `CREATE TABLE replication_task (name TEXT PRIMARY KEY, definition TEXT NOT NULL, url BLOB NOT NULL,
           shown_url TEXT NOT NULL, updated_at INTEGER NOT NULL)`,
        `CREATE TABLE replication_run (id TEXT PRIMARY KEY, task TEXT NOT NULL, state TEXT NOT NULL,
           started_at INTEGER NOT NULL, ended_at INTEGER, error TEXT, notices TEXT NOT NULL, starter TEXT NOT NULL)`,
        'CREATE INDEX replication_run_task ON replication_run (task, started_at)',
        `CREATE TABLE replication_table (run_id TEXT NOT NULL, name TEXT NOT NULL, place INTEGER NOT NULL,
           state TEXT NOT NULL, source_table TEXT NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
           lsn TEXT NOT NULL, PRIMARY KEY (run_id, name))`,
        `CREATE TABLE replication_range (run_id TEXT NOT NULL, table_name TEXT NOT NULL, number INTEGER NOT NULL,
           source_range TEXT NOT NULL, object_key TEXT NOT NULL, done INTEGER NOT NULL, rows INTEGER NOT NULL,
           bytes INTEGER NOT NULL, PRIMARY KEY (run_id, table_name, number))`,
      ],
    },
  ],
  procedures: {
    putTask: write(async (db, task: StoredTask, context): Promise<void> => {
      const { shownUrl, ...rest } = task;
      const row = { ...rest, shown_url: shownUrl, updated_at: context.now };
      await db
        .insertInto('replication_task')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute();
    }),
    tasks: read(async (db): Promise<StoredTask[]> => {
      const rows = await db.selectFrom('replication_task').selectAll().orderBy('name').execute();
      return rows.map(({ name, definition, url, shown_url }) => ({ name, definition, url, shownUrl: shown_url }));
    }),
    /** **Errors**: `concurrent_run` while a run of the task is under way. */
    startRun: write(async (db, run: { id: string; task: string; starter: string }, context): Promise<void> => {
      const active = await db
        .selectFrom('replication_run')
        .select('id')
        .where('task', '=', run.task)
        .where('state', 'in', ACTIVE)
        .executeTakeFirst();
      if (active !== undefined) {
        throw new LochError('concurrent_run', `Run ${active.id} of \`${run.task}\` is under way. Wait, or stop it.`, {
          context: { run: active.id },
        });
      }
      await db
        .insertInto('replication_run')
        .values({ ...run, state: 'CREATED', started_at: context.now, ended_at: null, error: null, notices: '[]' })
        .execute();
      context.emit({
        name: 'ingestionReplicationChanged',
        payload: { task: run.task, state: 'CREATED', rows: 0 },
      });
    }),
    setState: write(
      async (
        db,
        args: { id: string; state: FullLoadState; error?: string; notices?: readonly string[] },
        context,
      ): Promise<void> => {
        const run = await db
          .selectFrom('replication_run')
          .selectAll()
          .where('id', '=', args.id)
          .executeTakeFirstOrThrow();
        if (!ACTIVE.includes(run.state)) return;
        const notices = [...(JSON.parse(run.notices) as string[]), ...(args.notices ?? [])];
        await db
          .updateTable('replication_run')
          .set({
            state: args.state,
            ended_at: ACTIVE.includes(args.state) ? null : context.now,
            error: args.error ?? null,
            notices: JSON.stringify(notices),
          })
          .where('id', '=', args.id)
          .execute();
        if (!ACTIVE.includes(args.state)) {
          await db
            .updateTable('replication_table')
            .set({ state: args.state })
            .where('run_id', '=', args.id)
            .where('state', 'in', ACTIVE)
            .execute();
        }
        const { rows } = await db
          .selectFrom('replication_range')
          .select((e) => e.fn.coalesce(e.fn.sum<number>('rows'), e.lit(0)).as('rows'))
          .where('run_id', '=', args.id)
          .executeTakeFirstOrThrow();
        context.emit({
          name: 'ingestionReplicationChanged',
          payload: { task: run.task, state: args.state, rows: Number(rows) },
        });
      },
    ),
    /** Plans tables anew: what was landed of them under an earlier snapshot is forgotten. */
    planTables: write(async (db, args: { runId: string; tables: readonly PlannedTable[] }): Promise<void> => {
      const known = await db
        .selectFrom('replication_table')
        .select((e) => e.fn.countAll<number>().as('count'))
        .where('run_id', '=', args.runId)
        .executeTakeFirstOrThrow();
      for (const [i, table] of args.tables.entries()) {
        const anew = {
          state: 'LOADING' as const,
          source_table: table.sourceTable,
          rows: 0,
          bytes: 0,
          lsn: table.lsn,
        };
        const row = { run_id: args.runId, name: table.name, place: Number(known.count) + i, ...anew };
        await db
          .insertInto('replication_table')
          .values(row)
          .onConflict((conflict) => conflict.columns(['run_id', 'name']).doUpdateSet(anew))
          .execute();
        await db
          .deleteFrom('replication_range')
          .where('run_id', '=', args.runId)
          .where('table_name', '=', table.name)
          .execute();
        for (const [number, range] of table.ranges.entries()) {
          await db
            .insertInto('replication_range')
            .values({
              run_id: args.runId,
              table_name: table.name,
              number,
              source_range: range.sourceRange,
              object_key: range.objectKey,
              done: 0,
              rows: 0,
              bytes: 0,
            })
            .execute();
        }
      }
    }),
    finishRange: write(
      async (
        db,
        args: { runId: string; table: string; number: number; rows: number; bytes: number },
      ): Promise<void> => {
        await db
          .updateTable('replication_range')
          .set({ done: 1, rows: args.rows, bytes: args.bytes })
          .where('run_id', '=', args.runId)
          .where('table_name', '=', args.table)
          .where('number', '=', args.number)
          .execute();
        await db
          .updateTable('replication_table')
          .set((e) => ({ rows: e('rows', '+', args.rows), bytes: e('bytes', '+', args.bytes) }))
          .where('run_id', '=', args.runId)
          .where('name', '=', args.table)
          .execute();
      },
    ),
    finishTable: write(async (db, args: { runId: string; table: string }): Promise<void> => {
      await db
        .updateTable('replication_table')
        .set({ state: 'COMPLETED' })
        .where('run_id', '=', args.runId)
        .where('name', '=', args.table)
        .execute();
    }),
    tablesOf: read(async (db, args: { runId: string }): Promise<RunTable[]> => {
      const tables = await db
        .selectFrom('replication_table')
        .selectAll()
        .where('run_id', '=', args.runId)
        .orderBy('place')
        .execute();
      const ranges = await db
        .selectFrom('replication_range')
        .selectAll()
        .where('run_id', '=', args.runId)
        .orderBy('number')
        .execute();
      return tables.map((table) => ({
        name: table.name,
        sourceTable: table.source_table,
        lsn: table.lsn,
        state: table.state,
        ranges: ranges
          .filter(({ table_name }) => table_name === table.name)
          .map(({ object_key, done }) => ({ objectKey: object_key, done: done === 1 })),
      }));
    }),
    runs: read(
      async (
        db,
        filter: { id?: string; task?: string; active?: boolean; limit: number },
      ): Promise<(FullLoadRun & { readonly starter: string })[]> => {
        let query = db.selectFrom('replication_run').selectAll().orderBy('started_at', 'desc').limit(filter.limit);
        if (filter.id !== undefined) query = query.where('id', '=', filter.id);
        if (filter.task !== undefined) query = query.where('task', '=', filter.task);
        if (filter.active === true) query = query.where('state', 'in', ACTIVE);
        const runs = await query.execute();
        if (runs.length === 0) return [];
        const ids = runs.map(({ id }) => id);
        const tables = await db
          .selectFrom('replication_table')
          .selectAll()
          .where('run_id', 'in', ids)
          .orderBy('place')
          .execute();
        const ranges = await db
          .selectFrom('replication_range')
          .select(['run_id', 'table_name', 'object_key'])
          .where('run_id', 'in', ids)
          .where('done', '=', 1)
          .orderBy('number')
          .execute();
        return runs.map((run) => ({
          id: run.id,
          task: run.task,
          state: run.state,
          startedAt: run.started_at,
          starter: run.starter,
          ...(run.ended_at === null ? {} : { endedAt: run.ended_at }),
          ...(run.error === null ? {} : { error: run.error }),
          notices: JSON.parse(run.notices) as string[],
          tables: tables
            .filter(({ run_id }) => run_id === run.id)
            .map(({ name, rows, bytes, state, lsn }) => ({
              table: name,
              rows,
              bytes,
              state,
              lsn,
              objects: ranges
                .filter(({ run_id, table_name }) => run_id === run.id && table_name === name)
                .map(({ object_key }) => object_key),
            })),
        }));
      },
    ),
  },
});

export default replicationStore;
