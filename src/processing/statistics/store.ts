import { LochError } from '../../core/errors.ts';
import { defineStoreModule, type Migration, proceduresOver } from '../../metadata/contract.ts';
import type { StatisticsRun } from './contract.ts';

interface RunRow {
  id: string;
  database: string;
  table_name: string;
  columns: string | null;
  role: string;
  acts_as: string;
  state: string;
  created_at: number;
  updated_at: number;
  ended_at: number | null;
  error: string | null;
}

const migrations: readonly Migration[] = [
  {
    number: 1,
    name: 'runs that compute statistics',
    statements: [
      `CREATE TABLE IF NOT EXISTS statistics_run (
         id TEXT PRIMARY KEY, database TEXT NOT NULL, table_name TEXT NOT NULL, columns TEXT, role TEXT NOT NULL,
         acts_as TEXT NOT NULL, state TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
         ended_at BIGINT, error TEXT)`,
      'CREATE INDEX IF NOT EXISTS statistics_run_table ON statistics_run (database, table_name, created_at)',
      'CREATE INDEX IF NOT EXISTS statistics_run_active ON statistics_run (state) WHERE ended_at IS NULL',
    ],
  },
];

const { read, write } = proceduresOver<{ statistics_run: RunRow }>();

const runOf = (row: RunRow): StatisticsRun => ({
  id: row.id,
  table: { database: row.database, table: row.table_name },
  role: row.role,
  state: row.state as StatisticsRun['state'],
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  ...(row.columns === null ? {} : { columns: JSON.parse(row.columns) as string[] }),
  ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
  ...(row.error === null ? {} : { error: row.error }),
});

const statisticsStore = defineStoreModule('processingStatistics', {
  migrations,
  procedures: {
    /** **Errors**: `concurrent_run` naming the run that is under way. */
    start: write(
      async (
        db,
        args: {
          id: string;
          database: string;
          table: string;
          columns?: readonly string[];
          role: string;
          actsAs: string;
          at: number;
        },
      ): Promise<StatisticsRun> => {
        const active = await db
          .selectFrom('statistics_run')
          .select('id')
          .where('database', '=', args.database)
          .where('table_name', '=', args.table)
          .where('ended_at', 'is', null)
          .executeTakeFirst();
        if (active !== undefined) {
          throw new LochError(
            'concurrent_run',
            `Run \`${active.id}\` computes statistics of \`${args.database}.${args.table}\` already. Wait for it.`,
            { context: { statisticsRun: active.id } },
          );
        }
        const row: RunRow = {
          id: args.id,
          database: args.database,
          table_name: args.table,
          columns: args.columns === undefined ? null : JSON.stringify(args.columns),
          role: args.role,
          acts_as: args.actsAs,
          state: 'STARTING',
          created_at: args.at,
          updated_at: args.at,
          ended_at: null,
          error: null,
        };
        await db.insertInto('statistics_run').values(row).execute();
        return runOf(row);
      },
    ),
    /** A run that has ended stays as it is. */
    move: write(
      async (db, args: { id: string; state: StatisticsRun['state']; at: number; error?: string }): Promise<void> => {
        const ended = args.state !== 'STARTING' && args.state !== 'RUNNING';
        await db
          .updateTable('statistics_run')
          .set({
            state: args.state,
            updated_at: args.at,
            ...(ended ? { ended_at: args.at } : {}),
            ...(args.error === undefined ? {} : { error: args.error }),
          })
          .where('id', '=', args.id)
          .where('ended_at', 'is', null)
          .execute();
      },
    ),
    run: read(async (db, args: { id: string }): Promise<{ run: StatisticsRun; actsAs: string } | undefined> => {
      const row = await db.selectFrom('statistics_run').selectAll().where('id', '=', args.id).executeTakeFirst();
      return row === undefined ? undefined : { run: runOf(row), actsAs: row.acts_as };
    }),
    active: read(async (db, _args: Record<string, never>): Promise<StatisticsRun[]> => {
      const rows = await db.selectFrom('statistics_run').selectAll().where('ended_at', 'is', null).execute();
      return rows.map(runOf);
    }),
    runs: read(
      async (
        db,
        args: { database?: string; table?: string; after?: { at: number; id: string }; limit: number },
      ): Promise<StatisticsRun[]> => {
        let query = db
          .selectFrom('statistics_run')
          .selectAll()
          .orderBy('created_at', 'desc')
          .orderBy('id', 'desc')
          .limit(args.limit);
        if (args.database !== undefined) query = query.where('database', '=', args.database);
        if (args.table !== undefined) query = query.where('table_name', '=', args.table);
        const { after } = args;
        if (after !== undefined) {
          query = query.where((e) =>
            e.or([e('created_at', '<', after.at), e.and([e('created_at', '=', after.at), e('id', '<', after.id)])]),
          );
        }
        return (await query.execute()).map(runOf);
      },
    ),
  },
});

export default statisticsStore;
