import type { RequestContext } from '../../core/caller.ts';
import { newId } from '../../core/ids.ts';
import type { TableName } from '../contract.ts';
import { columnsOf } from './assert-resource.ts';
import type { LakeFormation } from './contract.ts';
import { checkFilterInput, foldFilterName } from './filter-input.ts';
import { assertMayGrant } from './grant-permissions.ts';
import { authorizeLake, type GrantsDeps } from './grants-deps.ts';
import grantsModule from './store.ts';

/** The use-case behind CreateDataCellsFilter. Needs SELECT with grant option on the whole table, or to be an admin. */
export function createFilter(deps: GrantsDeps): LakeFormation['createFilter'] {
  return async (context, input) => {
    const name = foldFilterName(input);
    await authorizeLake(deps, context, 'CreateDataCellsFilter');
    await assertOwnsFilters(deps, context, name);
    const filter = checkFilterInput(input, await columnsOf(deps, name));
    await deps.store.write(grantsModule.procedures.createFilter, {
      ...filter,
      version_id: newId(),
      created_by: context.principal.arn,
    });
  };
}

/** The use-case behind UpdateDataCellsFilter: replaces rows, columns and masks, for every grant on the filter at once. */
export function updateFilter(deps: GrantsDeps): LakeFormation['updateFilter'] {
  return async (context, { versionId, ...input }) => {
    const name = foldFilterName(input);
    await authorizeLake(deps, context, 'UpdateDataCellsFilter');
    await assertOwnsFilters(deps, context, name);
    const filter = checkFilterInput(input, await columnsOf(deps, name));
    await deps.store.write(grantsModule.procedures.updateFilter, {
      filter: { ...filter, version_id: newId() },
      ...(versionId === undefined ? {} : { expected: versionId }),
    });
  };
}

/** Who makes filters decides what others see of the table: he must be able to grant all of it. */
async function assertOwnsFilters(deps: GrantsDeps, context: RequestContext, name: TableName): Promise<void> {
  await assertMayGrant(deps, context, { kind: 'table', database: name.database, table: name.table }, ['SELECT']);
}
