import { LochError } from '../../core/errors.ts';
import { proceduresOver } from '../../metadata/contract.ts';
import type { TableColumnStatistics } from './contract.ts';
import { partitionMissing } from './missing.ts';
import { type DatabaseTables, orderingOf, statisticsKey } from './rows.ts';

const { read, write } = proceduresOver<DatabaseTables>();

interface Place {
  readonly tableId: string;
  readonly database: string;
  readonly table: string;
  readonly partition?: readonly string[];
}

export const statisticsProcedures = {
  putStatistics: write(async (db, args: Place & { statistics: readonly TableColumnStatistics[] }): Promise<void> => {
    if (args.partition !== undefined) {
      const there = await db
        .selectFrom('catalog_partition')
        .select('ordering')
        .where('table_id', '=', args.tableId)
        .where('ordering', '=', orderingOf(args.partition))
        .executeTakeFirst();
      if (there === undefined) throw partitionMissing(args.database, args.table, args.partition);
    }
    for (const one of args.statistics) {
      const detail = JSON.stringify(one);
      await db
        .insertInto('catalog_column_statistics')
        .values({ table_id: args.tableId, partition: statisticsKey(args.partition), column_name: one.column, detail })
        .onConflict((conflict) => conflict.columns(['table_id', 'partition', 'column_name']).doUpdateSet({ detail }))
        .execute();
    }
  }),

  statistics: read(async (db, args: Place & { columns: readonly string[] }): Promise<TableColumnStatistics[]> => {
    if (args.columns.length === 0) return [];
    const rows = await db
      .selectFrom('catalog_column_statistics')
      .select('detail')
      .where('table_id', '=', args.tableId)
      .where('partition', '=', statisticsKey(args.partition))
      .where('column_name', 'in', args.columns)
      .orderBy('column_name')
      .execute();
    return rows.map((row) => JSON.parse(row.detail) as TableColumnStatistics);
  }),

  deleteStatistics: write(async (db, args: Place & { column: string }): Promise<void> => {
    const result = await db
      .deleteFrom('catalog_column_statistics')
      .where('table_id', '=', args.tableId)
      .where('partition', '=', statisticsKey(args.partition))
      .where('column_name', '=', args.column)
      .executeTakeFirst();
    if (Number(result.numDeletedRows) > 0) return;
    throw new LochError(
      'not_found',
      `Column \`${args.column}\` of \`${args.database}.${args.table}\` has no statistics.`,
      { context: { column: args.column } },
    );
  }),
};
