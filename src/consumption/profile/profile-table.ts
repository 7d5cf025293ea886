/**
 * What the columns of a table look like, by statements in the viewer's name: his grants decide what is counted. Of a
 * column that is masked for him only counts are told, no value.
 */
import type { Catalog } from '../../catalog/contract.ts';
import type { RequestContext } from '../../core/caller.ts';
import { sqlName } from '../../core/sql-text.ts';
import type { Policy, TableName } from '../../governance/contract.ts';
import type { StatementRunner } from '../../processing/contract.ts';
import type { ColumnProfile, TableProfile } from '../contract.ts';

const MOST_COLUMNS = 40;
const TOP_VALUES = 5;
/** Up to so many rows different values are counted; beyond they are estimated. */
const EXACT_ROWS = 1_000_000;
const LONGEST_VALUE = 80;

export interface ProfileDeps {
  readonly catalog: Catalog;
  readonly policy: Policy;
  readonly runner: StatementRunner;
}

const isNested = (type: string): boolean => /^(array|map|struct)\s*</i.test(type) || /^binary$/i.test(type);

/** **Errors**: those of a SELECT on the table. **Cost**: one scan for the counts, and one a column for its top values. */
export async function profileTable(
  deps: ProfileDeps,
  context: RequestContext,
  name: TableName,
  signal: AbortSignal,
): Promise<TableProfile> {
  const table = await deps.catalog.getTable(context, name);
  const all = [...table.columns, ...table.partitionKeys];
  const shape = await deps.policy.tableShape(context, { database: table.database, table: table.name }, all);
  const masked = new Set(
    shape.kind === 'full'
      ? []
      : shape.grants.flatMap((grant) => Object.keys(grant.masks).map((column) => column.toLowerCase())),
  );
  const visible = shape.kind === 'full' ? undefined : new Set(shape.columns.map((column) => column.toLowerCase()));
  const columns = all.filter((column) => visible?.has(column.name) ?? true).slice(0, MOST_COLUMNS);
  const from = `${sqlName(table.database)}.${sqlName(table.name)}`;
  const run = async (sql: string) => {
    const result = { kind: 'rows', maxRows: TOP_VALUES } as const;
    const request = { sql, dialect: 'duckdb', database: table.database, result } as const;
    return (await deps.runner.run(context, request, signal)).rows;
  };
  const short = (expression: string) => `left(CAST(${expression} AS VARCHAR), ${LONGEST_VALUE})`;
  const [total] = await run(`SELECT count(*) FROM ${from}`);
  const exact = Number(total![0]) <= EXACT_ROWS;
  const measures = columns.flatMap(({ name: column, type }) => {
    const value = sqlName(column);
    const told = !masked.has(column) && !isNested(type);
    return [
      `count(${value})`,
      isNested(type) ? 'NULL' : exact ? `count(DISTINCT ${value})` : `approx_count_distinct(${value})`,
      told ? short(`min(${value})`) : 'NULL',
      told ? short(`max(${value})`) : 'NULL',
    ];
  });
  const [counts] = await run(`SELECT ${['count(*)', ...measures].join(', ')} FROM ${from}`);
  const rows = Number(counts![0]);
  const profiles: ColumnProfile[] = [];
  for (const [i, { name: column, type }] of columns.entries()) {
    const [present, distinct, min, max] = counts!.slice(1 + i * 4, 5 + i * 4) as (string | null)[];
    const value = sqlName(column);
    const top =
      masked.has(column) || isNested(type) || rows === 0
        ? []
        : await run(
            `SELECT ${short(value)} AS v, count(*) AS n FROM ${from} WHERE ${value} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${TOP_VALUES}`,
          );
    const nulls = rows - Number(present);
    profiles.push({
      name: column,
      type,
      nulls,
      nullShare: rows === 0 ? 0 : nulls / rows,
      masked: masked.has(column),
      top: top.map(([text, count]) => ({ value: text ?? '', count: Number(count) })),
      ...(distinct === null || distinct === undefined ? {} : { distinct: Number(distinct) }),
      ...(min === null || min === undefined ? {} : { min }),
      ...(max === null || max === undefined ? {} : { max }),
    });
  }
  return { rows, exact, columns: profiles, left: all.length - columns.length };
}
