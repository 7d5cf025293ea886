import type { Principal, RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import type { LakePermission } from '../contract.ts';
import type { DataCellsFilter, FilterName, LakeFormation } from './contract.ts';
import { joinMasks } from './filter/masks.ts';
import { foldFilterName } from './filter-input.ts';
import { allHeld, notGrantable } from './grant-authority.ts';
import { type GrantState, type StoredFilter, tableKey } from './grant-index.ts';
import { authorizeLake, type GrantsDeps } from './grants-deps.ts';
import { orderedPage } from './ordered-page.ts';
import grantsModule from './store.ts';
import { fitFilter } from './table-shape.ts';

/** The use-case behind GetDataCellsFilter. */
export function getFilter(deps: GrantsDeps): LakeFormation['getFilter'] {
  return async (context, asked) => {
    const name = foldFilterName(asked);
    await authorizeLake(deps, context, 'GetDataCellsFilter');
    const filter = await findFilter(deps, context, name, 'DESCRIBE');
    return await described(deps, filter);
  };
}

/** The use-case behind DeleteDataCellsFilter: the grants on it go with it. */
export function deleteFilter(deps: GrantsDeps): LakeFormation['deleteFilter'] {
  return async (context, asked) => {
    const name = foldFilterName(asked);
    await authorizeLake(deps, context, 'DeleteDataCellsFilter');
    const filter = await findFilter(deps, context, name, 'DROP');
    await deps.store.write(grantsModule.procedures.deleteFilter, {
      database: filter.database,
      table: filter.table,
      filter: filter.name,
      detail: JSON.stringify({ filter: filter.name }),
    });
  };
}

/** The use-case behind ListDataCellsFilter: those the caller may describe, in order of table and name. */
export function listFilters(deps: GrantsDeps): LakeFormation['listFilters'] {
  return async (context, query) => {
    await authorizeLake(deps, context, 'ListDataCellsFilter');
    const state = await deps.index.current();
    const table = query.table && {
      database: query.table.database.toLowerCase(),
      table: query.table.table.toLowerCase(),
    };
    const found = (table === undefined ? [...state.filters.values()] : [state.filters.get(tableKey(table))])
      .flatMap((ofTable) => [...(ofTable?.values() ?? [])])
      .filter((filter) => mayUse(state, context.principal, filter, 'DESCRIBE'));
    const { page, ...more } = orderedPage(found, orderKey, query);
    return { filters: await Promise.all(page.map((filter) => described(deps, filter))), ...more };
  };
}

const orderKey = (filter: StoredFilter): string => `${tableKey(filter)}\u0000${filter.name}`;

/** Administrators, those who may grant the table, and those granted the right (or SELECT) on the filter itself. */
export function mayUse(
  state: GrantState,
  principal: Principal,
  filter: { readonly database: string; readonly table: string; readonly name: string },
  right: LakePermission,
): boolean {
  if (state.isAdmin(principal) || (right === 'DESCRIBE' && state.isReadOnlyAdmin(principal))) return true;
  const held = allHeld(state, principal);
  const table = { kind: 'table', database: filter.database, table: filter.table } as const;
  if (notGrantable(held, table, ['SELECT']).length === 0) return true;
  return held.some(
    ({ resource, permissions }) =>
      resource.kind === 'filter' &&
      resource.filter === filter.name &&
      tableKey(resource) === tableKey(filter) &&
      permissions.has(right),
  );
}

/** A filter the caller may not use answers as one that is not there; the refusal is recorded. */
async function findFilter(
  deps: GrantsDeps,
  context: RequestContext,
  name: FilterName,
  right: LakePermission,
): Promise<StoredFilter> {
  const state = await deps.index.current();
  const filter = state.filters.get(tableKey(name))?.get(name.filter);
  if (filter !== undefined && mayUse(state, context.principal, filter, right)) return filter;
  if (filter !== undefined) {
    const refusal = await deps.refuse(context, {
      action: `lakeformation:${right}`,
      resource: `filter ${name.filter} of ${name.database}.${name.table}`,
      why: `no grant gives ${right} on it. Ask a data lake administrator.`,
      by: ['no-grant'],
    });
    if (mayUse(state, context.principal, filter, 'DESCRIBE')) throw refusal;
  }
  throw new LochError('not_found', `There is no filter \`${name.filter}\` on \`${name.database}.${name.table}\`.`, {
    context: { filter: name.filter },
  });
}

async function described(deps: GrantsDeps, filter: StoredFilter): Promise<DataCellsFilter> {
  const columns = await deps.directory().tableColumns({ database: filter.database, table: filter.table });
  const invalid = columns === undefined ? 'The table does not exist any more.' : fitFilter(filter, columns).invalid;
  const text = joinMasks(filter.masks, filter.expression);
  return {
    database: filter.database,
    table: filter.table,
    filter: filter.name,
    ...(text === undefined ? {} : { text }),
    ...(filter.expression === undefined ? {} : { expression: filter.expression }),
    ...(filter.include === undefined ? {} : { include: filter.include }),
    ...(filter.exclude === undefined ? {} : { exclude: filter.exclude }),
    masks: filter.masks,
    versionId: filter.versionId,
    createdBy: filter.createdBy,
    updatedAt: filter.updatedAt,
    ...(invalid === undefined ? {} : { invalid }),
  };
}
