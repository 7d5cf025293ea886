import type { CatalogColumn, StatisticsKind, TableColumnStatistics } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { sqlName } from '../../core/sql-text.ts';
import type { TableName } from '../../governance/contract.ts';
import type { StatementRunner } from '../contract.ts';

/** The kind of a Hive type's statistics; nested types have none. */
export function statisticsKind(type: string): StatisticsKind | undefined {
  const name = /^[a-z]+/.exec(type.trim().toLowerCase())?.[0] ?? '';
  if (['tinyint', 'smallint', 'int', 'integer', 'bigint', 'long', 'timestamp', 'timestamptz'].includes(name))
    return 'LONG';
  if (['float', 'double', 'real'].includes(name)) return 'DOUBLE';
  if (['decimal', 'numeric'].includes(name)) return 'DECIMAL';
  if (['string', 'varchar', 'char'].includes(name)) return 'STRING';
  if (name === 'date') return 'DATE';
  if (name === 'boolean') return 'BOOLEAN';
  return name === 'binary' ? 'BINARY' : undefined;
}

/** What of a column is measured, as expressions over `v`. A time counts in seconds since 1970, as Hive counts it. */
function expressions(kind: StatisticsKind, type: string): readonly string[] {
  switch (kind) {
    case 'BOOLEAN':
      return ['count(*) FILTER (WHERE v)', 'count(*) FILTER (WHERE NOT v)'];
    case 'BINARY':
      return ['max(octet_length(v))', 'avg(octet_length(v))'];
    case 'STRING':
      return ['count(DISTINCT v)', 'max(length(v))', 'avg(length(v))'];
    case 'DATE':
      return ['count(DISTINCT v)', 'min(v)', 'max(v)'];
    case 'DOUBLE':
      return ['count(DISTINCT v)', 'min(v) FILTER (WHERE isfinite(v))', 'max(v) FILTER (WHERE isfinite(v))'];
    default:
      return type.trim().toLowerCase().startsWith('timestamp')
        ? ['count(DISTINCT v)', 'CAST(floor(epoch(min(v))) AS BIGINT)', 'CAST(floor(epoch(max(v))) AS BIGINT)']
        : ['count(DISTINCT v)', 'min(v)', 'max(v)'];
  }
}

/** The exact statistics of one column. **Cost**: reads the column; distinct values are counted in the engine's memory. */
export async function measureColumn(
  runner: StatementRunner,
  context: RequestContext,
  table: TableName,
  column: CatalogColumn,
  kind: StatisticsKind,
  at: number,
): Promise<TableColumnStatistics> {
  const list = ['count(*) - count(v)', ...expressions(kind, column.type)];
  const { rows } = await runner.run(
    context,
    {
      sql: `SELECT ${list.join(', ')} FROM (SELECT ${sqlName(column.name)} AS v FROM ${sqlName(table.database)}.${sqlName(table.table)}) AS t`,
      dialect: 'duckdb',
      result: { kind: 'rows', maxRows: 1 },
    },
    context.signal,
  );
  const [nulls, ...found] = rows[0]!;
  const common = { column: column.name, columnType: column.type, kind, analyzedAt: at, nulls: Number(nulls) };
  const bound = (text: string | null | undefined) => {
    if (text === null || text === undefined) return undefined;
    return kind === 'DATE' ? String(Date.parse(`${text}T00:00:00Z`)) : text;
  };
  if (kind === 'BOOLEAN') return { ...common, trues: Number(found[0]), falses: Number(found[1]) };
  if (kind === 'BINARY') return { ...common, maxLength: Number(found[0] ?? 0), averageLength: Number(found[1] ?? 0) };
  const distinct = Number(found[0]);
  if (kind === 'STRING') {
    return { ...common, distinct, maxLength: Number(found[1] ?? 0), averageLength: Number(found[2] ?? 0) };
  }
  const [min, max] = [bound(found[1]), bound(found[2])];
  return {
    ...common,
    distinct,
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  };
}
