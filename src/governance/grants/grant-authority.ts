/**
 * Who may grant what: administrators anything; others what they hold grantably, on the same resource or part of it.
 */
import type { Principal } from '../../core/caller.ts';
import type { LakePermission } from '../contract.ts';
import type { LakeResource } from './contract.ts';
import { isUnder, locationPath } from './data-location.ts';
import type { GrantState, Held } from './grant-index.ts';
import { permissionsOf } from './lake-resource.ts';

/** Every grant that counts for a caller. */
export function allHeld(state: GrantState, principal: Principal): Held[] {
  return state
    .grantsOf(principal)
    .flatMap((grants) => [
      ...grants.catalog,
      ...[...grants.databases.values()].flat(),
      ...[...grants.wildcards.values()].flat(),
      ...[...grants.tables.values()].flat(),
      ...grants.locations,
    ]);
}

const sameTable = (a: { database: string; table: string }, b: { database: string; table: string }): boolean =>
  a.database === b.database && a.table === b.table;

function coversColumns(
  held: Extract<LakeResource, { kind: 'columns' }>,
  wanted: Extract<LakeResource, { kind: 'columns' }>,
): boolean {
  if (held.include !== undefined) return wanted.include?.every((name) => held.include!.includes(name)) ?? false;
  const hidden = held.exclude ?? [];
  if (wanted.include !== undefined) return wanted.include.every((name) => !hidden.includes(name));
  return hidden.every((name) => wanted.exclude?.includes(name) ?? false);
}

/** Whether everything in `wanted` lies in `held`. Both canonical. */
export function covers(held: LakeResource, wanted: LakeResource): boolean {
  switch (wanted.kind) {
    case 'catalog':
      return held.kind === 'catalog';
    case 'database':
      return held.kind === 'database' && held.database === wanted.database;
    case 'tables':
      return held.kind === 'tables' && held.database === wanted.database;
    case 'location':
      return held.kind === 'location' && isUnder(locationPath(wanted.arn), locationPath(held.arn));
    default:
      if (held.kind === 'tables') return held.database === wanted.database;
      if (held.kind === 'table') return sameTable(held, wanted);
      if (held.kind === 'columns')
        return wanted.kind === 'columns' && sameTable(held, wanted) && coversColumns(held, wanted);
      return (
        held.kind === 'filter' && wanted.kind === 'filter' && sameTable(held, wanted) && held.filter === wanted.filter
      );
  }
}

/** The permissions of `wanted` that these grants do not let their holder pass on. */
export function notGrantable(
  held: readonly Held[],
  resource: LakeResource,
  wanted: readonly LakePermission[],
): LakePermission[] {
  const covering = held.filter((grant) => covers(grant.resource, resource));
  const passes = (permission: LakePermission): boolean =>
    covering.some((grant) => grant.grantable.has(permission) || grant.grantable.has('ALL'));
  return wanted.filter((permission) =>
    permission === 'ALL'
      ? !passes('ALL') && !permissionsOf(resource.kind).every((each) => each === 'ALL' || passes(each))
      : !passes(permission),
  );
}
