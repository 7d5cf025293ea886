import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type Migration, proceduresOver } from '../../metadata/contract.ts';
import type { OptimizerConfiguration, OptimizerRecord, OptimizerRun, OptimizerType } from './contract.ts';

interface OptimizerRow {
  table_id: string;
  type: string;
  database: string;
  table_name: string;
  configuration: string;
  acts_as: string;
  next_at: number;
  /** The snapshot that the last compaction left: nothing is done before it changes. */
  seen: string | null;
  created_at: number;
  updated_at: number;
}
interface RunRow {
  id: string;
  table_id: string;
  type: string;
  database: string;
  table_name: string;
  state: string;
  configuration: string;
  acts_as: string;
  started_at: number;
  ended_at: number | null;
  error: string | null;
  metrics: string | null;
}
interface MaintenanceTables {
  maintenance_optimizer: OptimizerRow;
  maintenance_run: RunRow;
}

const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'optimizers of tables and their runs',
    statements: [
      `CREATE TABLE IF NOT EXISTS maintenance_optimizer (
         table_id TEXT NOT NULL, type TEXT NOT NULL, database TEXT NOT NULL, table_name TEXT NOT NULL,
         configuration TEXT NOT NULL, acts_as TEXT NOT NULL, next_at BIGINT NOT NULL, seen TEXT,
         created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (table_id, type))`,
      'CREATE INDEX IF NOT EXISTS maintenance_optimizer_next ON maintenance_optimizer (next_at)',
      `CREATE TABLE IF NOT EXISTS maintenance_run (
         id TEXT PRIMARY KEY, table_id TEXT NOT NULL, type TEXT NOT NULL, database TEXT NOT NULL,
         table_name TEXT NOT NULL, state TEXT NOT NULL, configuration TEXT NOT NULL, acts_as TEXT NOT NULL,
         started_at BIGINT NOT NULL, ended_at BIGINT, error TEXT, metrics TEXT)`,
      'CREATE INDEX IF NOT EXISTS maintenance_run_table ON maintenance_run (table_id, type, started_at)',
      `CREATE INDEX IF NOT EXISTS maintenance_run_active ON maintenance_run (state) WHERE ended_at IS NULL`,
    ],
  },
];

const { read, write } = proceduresOver<MaintenanceTables>();

const RUNS_KEPT = 100;

const runOf = (row: RunRow): OptimizerRun => {
  const { compaction } = JSON.parse(row.configuration) as OptimizerConfiguration;
  return {
    id: row.id,
    table: { database: row.database, table: row.table_name },
    type: row.type as OptimizerType,
    state: row.state as OptimizerRun['state'],
    startedAt: row.started_at,
    ...(row.type === 'compaction' ? { strategy: compaction?.strategy ?? 'binpack' } : {}),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    ...(row.error === null ? {} : { error: row.error }),
    ...(row.metrics === null ? {} : { metrics: JSON.parse(row.metrics) as NonNullable<OptimizerRun['metrics']> }),
  };
};

/** A run with what it needs to begin again. */
export interface StoredRun {
  readonly run: OptimizerRun;
  readonly tableId: string;
  readonly configuration: OptimizerConfiguration;
  readonly actsAs: string;
}

const storedOf = (row: RunRow): StoredRun => ({
  run: runOf(row),
  tableId: row.table_id,
  configuration: JSON.parse(row.configuration) as OptimizerConfiguration,
  actsAs: row.acts_as,
});

export interface DueOptimizer {
  readonly tableId: string;
  readonly type: OptimizerType;
  readonly database: string;
  readonly table: string;
  readonly configuration: OptimizerConfiguration;
  readonly actsAs: string;
  readonly seen: string | null;
}

const maintenanceStore = defineStoreModule('processingMaintenance', {
  migrations,
  procedures: {
    insert: write(
      async (
        db,
        args: {
          tableId: string;
          type: OptimizerType;
          database: string;
          table: string;
          configuration: OptimizerConfiguration;
          actsAs: string;
          at: number;
        },
      ): Promise<void> => {
        const added = await db
          .insertInto('maintenance_optimizer')
          .values({
            table_id: args.tableId,
            type: args.type,
            database: args.database,
            table_name: args.table,
            configuration: JSON.stringify(args.configuration),
            acts_as: args.actsAs,
            next_at: args.at,
            seen: null,
            created_at: args.at,
            updated_at: args.at,
          })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (Number(added.numInsertedOrUpdatedRows) > 0) return;
        throw new LochError(
          'already_exists',
          `Table \`${args.database}.${args.table}\` has an optimizer \`${args.type}\` already. Update it.`,
          { context: { table: args.table, type: args.type } },
        );
      },
    ),
    change: write(
      async (
        db,
        args: {
          tableId: string;
          type: OptimizerType;
          configuration: OptimizerConfiguration;
          actsAs: string;
          at: number;
        },
      ): Promise<boolean> => {
        const result = await db
          .updateTable('maintenance_optimizer')
          .set({
            configuration: JSON.stringify(args.configuration),
            acts_as: args.actsAs,
            next_at: args.at,
            seen: null,
            updated_at: args.at,
          })
          .where('table_id', '=', args.tableId)
          .where('type', '=', args.type)
          .executeTakeFirst();
        return Number(result.numUpdatedRows) > 0;
      },
    ),
    remove: write(async (db, args: { tableId: string; type: OptimizerType }): Promise<boolean> => {
      const result = await db
        .deleteFrom('maintenance_optimizer')
        .where('table_id', '=', args.tableId)
        .where('type', '=', args.type)
        .executeTakeFirst();
      return Number(result.numDeletedRows) > 0;
    }),
    optimizer: read(
      async (db, args: { tableId: string; type: OptimizerType }): Promise<OptimizerRecord | undefined> => {
        const row = await db
          .selectFrom('maintenance_optimizer')
          .selectAll()
          .where('table_id', '=', args.tableId)
          .where('type', '=', args.type)
          .executeTakeFirst();
        if (row === undefined) return undefined;
        const last = await db
          .selectFrom('maintenance_run')
          .selectAll()
          .where('table_id', '=', args.tableId)
          .where('type', '=', args.type)
          .orderBy('started_at', 'desc')
          .orderBy('id', 'desc')
          .executeTakeFirst();
        return {
          table: { database: row.database, table: row.table_name },
          type: row.type as OptimizerType,
          configuration: JSON.parse(row.configuration) as OptimizerConfiguration,
          actsAs: row.acts_as,
          createdAt: row.created_at,
          updatedAt: row.updated_at,
          ...(last === undefined ? {} : { lastRun: runOf(last) }),
        };
      },
    ),
    due: read(async (db, args: { at: number; limit: number }): Promise<DueOptimizer[]> => {
      const rows = await db
        .selectFrom('maintenance_optimizer')
        .selectAll()
        .where('next_at', '<=', args.at)
        .orderBy('next_at')
        .limit(args.limit)
        .execute();
      return rows.map((row) => ({
        tableId: row.table_id,
        type: row.type as OptimizerType,
        database: row.database,
        table: row.table_name,
        configuration: JSON.parse(row.configuration) as OptimizerConfiguration,
        actsAs: row.acts_as,
        seen: row.seen,
      }));
    }),
    /** When an optimizer is looked at next, and what it has seen. */
    postpone: write(
      async (
        db,
        args: { tableId: string; type: OptimizerType; nextAt: number; seen?: string | null },
      ): Promise<void> => {
        await db
          .updateTable('maintenance_optimizer')
          .set({ next_at: args.nextAt, ...(args.seen === undefined ? {} : { seen: args.seen }) })
          .where('table_id', '=', args.tableId)
          .where('type', '=', args.type)
          .execute();
      },
    ),

    /** **Errors**: `concurrent_run` naming the run that is under way. */
    startRun: write(
      async (
        db,
        args: {
          id: string;
          tableId: string;
          type: OptimizerType;
          database: string;
          table: string;
          configuration: OptimizerConfiguration;
          actsAs: string;
          at: number;
        },
      ): Promise<OptimizerRun> => {
        const active = await db
          .selectFrom('maintenance_run')
          .select('id')
          .where('table_id', '=', args.tableId)
          .where('type', '=', args.type)
          .where('ended_at', 'is', null)
          .executeTakeFirst();
        if (active !== undefined) {
          throw new LochError(
            'concurrent_run',
            `Run \`${active.id}\` of \`${args.type}\` on \`${args.database}.${args.table}\` is under way. Wait for it.`,
            { context: { run: active.id } },
          );
        }
        const row: RunRow = {
          id: args.id,
          table_id: args.tableId,
          type: args.type,
          database: args.database,
          table_name: args.table,
          state: 'STARTING',
          configuration: JSON.stringify(args.configuration),
          acts_as: args.actsAs,
          started_at: args.at,
          ended_at: null,
          error: null,
          metrics: null,
        };
        await db.insertInto('maintenance_run').values(row).execute();
        const old = await db
          .selectFrom('maintenance_run')
          .select('id')
          .where('table_id', '=', args.tableId)
          .where('type', '=', args.type)
          .orderBy('started_at', 'desc')
          .offset(RUNS_KEPT)
          .limit(100)
          .execute();
        if (old.length > 0) {
          await db
            .deleteFrom('maintenance_run')
            .where(
              'id',
              'in',
              old.map(({ id }) => id),
            )
            .execute();
        }
        return runOf(row);
      },
    ),
    beginRun: write(async (db, args: { id: string }): Promise<void> => {
      await db
        .updateTable('maintenance_run')
        .set({ state: 'IN_PROGRESS' })
        .where('id', '=', args.id)
        .where('ended_at', 'is', null)
        .execute();
    }),
    endRun: write(
      async (
        db,
        args: {
          id: string;
          state: 'COMPLETED' | 'FAILED';
          at: number;
          error?: string;
          metrics?: OptimizerRun['metrics'];
        },
      ): Promise<void> => {
        await db
          .updateTable('maintenance_run')
          .set({
            state: args.state,
            ended_at: args.at,
            error: args.error ?? null,
            metrics: args.metrics === undefined ? null : JSON.stringify(args.metrics),
          })
          .where('id', '=', args.id)
          .execute();
      },
    ),
    run: read(async (db, args: { id: string }): Promise<StoredRun | undefined> => {
      const row = await db.selectFrom('maintenance_run').selectAll().where('id', '=', args.id).executeTakeFirst();
      return row === undefined ? undefined : storedOf(row);
    }),
    activeRuns: read(async (db, _args: Record<string, never>): Promise<StoredRun[]> => {
      const rows = await db
        .selectFrom('maintenance_run')
        .selectAll()
        .where('ended_at', 'is', null)
        .orderBy('started_at')
        .execute();
      return rows.map(storedOf);
    }),
    runs: read(
      async (
        db,
        args: { tableId: string; type: OptimizerType; after?: { at: number; id: string }; limit: number },
      ): Promise<OptimizerRun[]> => {
        let query = db
          .selectFrom('maintenance_run')
          .selectAll()
          .where('table_id', '=', args.tableId)
          .where('type', '=', args.type)
          .orderBy('started_at', 'desc')
          .orderBy('id', 'desc')
          .limit(args.limit);
        const { after } = args;
        if (after !== undefined) {
          query = query.where((e) =>
            e.or([e('started_at', '<', after.at), e.and([e('started_at', '=', after.at), e('id', '<', after.id)])]),
          );
        }
        return (await query.execute()).map(runOf);
      },
    ),
  },
});

export default maintenanceStore;
