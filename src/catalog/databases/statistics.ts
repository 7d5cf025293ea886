import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { TableShape } from '../../governance/contract.ts';
import type { TableRecord } from '../contract.ts';
import { authorizeGlue, readTable, requireTable } from './access.ts';
import type { ColumnStatisticsKeeping, StatisticsTarget, TableColumnStatistics } from './contract.ts';
import { type CatalogParts, fold } from './parts.ts';
import { checkValues } from './partitions.ts';
import databaseStore from './store.ts';

const place = (table: TableRecord, target: StatisticsTarget) => ({
  tableId: table.id,
  database: table.database,
  table: table.name,
  ...(target.partition === undefined ? {} : { partition: target.partition }),
});

const action = (verb: 'Get' | 'Update' | 'Delete', target: StatisticsTarget) =>
  `${verb}${target.partition === undefined ? 'Table' : 'Partition'}`;

/** The columns of whose every row the caller sees the clear value; for who may alter the table, all. */
async function clearColumns(
  parts: CatalogParts,
  context: RequestContext,
  table: TableRecord,
): Promise<(column: string) => boolean> {
  const name = { database: table.database, table: table.name };
  const all = [...table.columns, ...table.partitionKeys];
  let shape: TableShape | undefined;
  try {
    shape = await parts.policy.tableShape(context, name, all);
  } catch (error) {
    if (!isLochError(error, 'table_not_found', 'access_denied')) throw error;
  }
  if (shape?.kind === 'full') return () => true;
  if (await mayAlter(parts, context, table)) return () => true;
  const open = shape?.grants.filter((grant) => grant.rows.op === 'all') ?? [];
  return (column) => open.some((grant) => grant.columns.includes(column) && grant.masks[column] === undefined);
}

async function mayAlter(parts: CatalogParts, context: RequestContext, table: TableRecord): Promise<boolean> {
  try {
    await parts.policy.authorizeTable(context, { database: table.database, table: table.name }, 'ALTER');
    return true;
  } catch (error) {
    if (isLochError(error, 'table_not_found', 'access_denied')) return false;
    throw error;
  }
}

/** **Errors**: `column_not_found`; `invalid_argument` naming what a kind may not be without. */
function check(table: TableRecord, given: TableColumnStatistics): TableColumnStatistics {
  const column = given.column.toLowerCase();
  const known = [...table.columns, ...table.partitionKeys].some((one) => one.name === column);
  if (!known) {
    throw new LochError(
      'column_not_found',
      `Table \`${table.database}.${table.name}\` has no column \`${given.column}\`.`,
      { context: { table: table.name, column } },
    );
  }
  const counts = [given.nulls, given.distinct, given.maxLength, given.averageLength, given.trues, given.falses];
  if (counts.some((count) => count !== undefined && !(Number.isFinite(count) && count >= 0))) {
    throw new LochError(
      'invalid_argument',
      `The statistics of column \`${column}\` hold a negative count; counts and lengths begin at 0.`,
      { context: { column } },
    );
  }
  return { ...given, column };
}

/** The use-cases of column statistics. */
export function statisticsUseCases(parts: CatalogParts): ColumnStatisticsKeeping {
  const changed = async (context: RequestContext, target: StatisticsTarget, verb: 'Update' | 'Delete') => {
    const name = fold(target);
    await authorizeGlue(parts, context, action(verb, target), name);
    await requireTable(parts, context, name, 'ALTER');
    const table = await readTable(parts, context, name);
    if (target.partition !== undefined) checkValues(table, target.partition);
    return table;
  };
  return {
    async putColumnStatistics(context, target, statistics) {
      const table = await changed(context, target, 'Update');
      const checked = statistics.map((one) => check(table, one));
      await parts.store.write(databaseStore.procedures.putStatistics, {
        ...place(table, target),
        statistics: checked,
      });
    },

    async columnStatistics(context, target, columns) {
      const name = fold(target);
      await authorizeGlue(parts, context, action('Get', target), name);
      await requireTable(parts, context, name, 'DESCRIBE');
      const table = await readTable(parts, context, name);
      if (target.partition !== undefined) checkValues(table, target.partition);
      const visible = await clearColumns(parts, context, table);
      const there = new Set([...table.columns, ...table.partitionKeys].map((column) => column.name));
      const asked = columns.map((column) => column.toLowerCase());
      return parts.store.read(databaseStore.procedures.statistics, {
        ...place(table, target),
        columns: asked.filter((column) => there.has(column) && visible(column)),
      });
    },

    async deleteColumnStatistics(context, target, column) {
      const table = await changed(context, target, 'Delete');
      await parts.store.write(databaseStore.procedures.deleteStatistics, {
        ...place(table, target),
        column: column.toLowerCase(),
      });
    },
  };
}
