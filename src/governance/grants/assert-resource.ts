import { LochError } from '../../core/errors.ts';
import { nearestNames } from '../../core/suggest.ts';
import { databaseNotFound, type ColumnType, type TableName, tableNotFound } from '../contract.ts';
import type { LakeResource } from './contract.ts';
import { locationPath } from './data-location.ts';
import { governingLocation } from './decide-grants.ts';
import { tableKey } from './grant-index.ts';
import type { GrantsDeps } from './grants-deps.ts';

/** The columns of a table that is there. **Errors**: `table_not_found`. */
export async function columnsOf(deps: GrantsDeps, name: TableName): Promise<readonly ColumnType[]> {
  const columns = await deps.directory().tableColumns({ database: name.database, table: name.table });
  if (columns === undefined) throw tableNotFound({ database: name.database, table: name.table });
  return columns;
}

/** **Errors**: `column_not_found` naming the column, with the nearest that exists. */
export function assertColumns(names: readonly string[], columns: readonly ColumnType[], name: TableName): void {
  const known = columns.map((column) => column.name.toLowerCase());
  for (const column of names) {
    if (known.includes(column.toLowerCase())) continue;
    const near = nearestNames(column, known, 1)[0];
    throw new LochError(
      'column_not_found',
      `Table \`${name.database}.${name.table}\` has no column \`${column}\`.${near === undefined ? '' : ` Did you mean \`${near}\`?`}`,
      { context: { column } },
    );
  }
}

/**
 * A grant is made on what is there.
 * **Errors**: `database_not_found`, `table_not_found`, `column_not_found`, `not_found` for a filter or a location that
 * lies under no registered one.
 */
export async function assertResource(deps: GrantsDeps, resource: LakeResource): Promise<void> {
  switch (resource.kind) {
    case 'catalog':
      return;
    case 'database':
    case 'tables':
      if (!(await deps.directory().databaseExists(resource.database))) throw databaseNotFound(resource.database);
      return;
    case 'table':
      await columnsOf(deps, resource);
      return;
    case 'columns':
      assertColumns(resource.include ?? resource.exclude ?? [], await columnsOf(deps, resource), resource);
      return;
    case 'filter': {
      const filters = (await deps.index.current()).filters.get(tableKey(resource));
      if (filters?.has(resource.filter)) return;
      throw new LochError(
        'not_found',
        `There is no filter \`${resource.filter}\` on \`${resource.database}.${resource.table}\`. Create it first (CreateDataCellsFilter).`,
        { context: { filter: resource.filter } },
      );
    }
    case 'location':
      if (governingLocation(await deps.index.current(), locationPath(resource.arn)) !== undefined) return;
      throw new LochError(
        'not_found',
        `\`${resource.arn}\` is not under a registered location. Register it first (RegisterResource).`,
        { context: { location: resource.arn } },
      );
  }
}
