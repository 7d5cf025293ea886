import { LochError, isLochError } from '../../core/errors.ts';
import type { LakePermission } from '../contract.ts';
import type { GrantRequest, LakeFormation, LakeResource, PermissionEntry } from './contract.ts';
import { dependentsOf } from './grant-dependents.ts';
import { assertMayGrant } from './grant-permissions.ts';
import { allPrincipalsOf, IAM_ALLOWED_PRINCIPALS } from './grant-index.ts';
import { authorizeLake, type GrantsDeps } from './grants-deps.ts';
import {
  assertPermissionsFit,
  canonicalResource,
  describeResource,
  permissionsOf,
  placeOf,
  resourceAt,
} from './lake-resource.ts';
import grantsModule, { type EntryChange, type EntryRow, type StoredPrincipal } from './store.ts';

const TRIES = 3;

/** The use-case behind RevokePermissions. */
export function revokePermissions(deps: GrantsDeps, operation = 'RevokePermissions'): LakeFormation['revoke'] {
  return async (context, request, options) => {
    const { resource, permissions, grantable } = normalized(request);
    await authorizeLake(deps, context, operation);
    await assertMayGrant(deps, context, resource, [...new Set([...permissions, ...grantable])]);
    for (let attempt = 1; ; attempt++) {
      const plan = await planRevoke(deps, request);
      const more: EntryChange[] =
        options?.dependents === 'revoke'
          ? plan.dependentRows.map((row) => ({ id: row.id, revision: row.revision }))
          : [];
      try {
        await deps.store.write(grantsModule.procedures.change, { changes: [...plan.changes, ...more] });
        return { dependents: plan.dependents };
      } catch (error) {
        if (attempt === TRIES || !isLochError(error, 'conflict')) throw error;
      }
    }
  };
}

/** The use-case that tells what a revoke would leave hanging. */
export function listDependents(deps: GrantsDeps): LakeFormation['dependents'] {
  return async (context, request) => {
    const { resource, permissions, grantable } = normalized(request);
    await authorizeLake(deps, context, 'ListPermissions');
    await assertMayGrant(deps, context, resource, [...new Set([...permissions, ...grantable])]);
    return (await planRevoke(deps, request)).dependents;
  };
}

interface RevokePlan {
  readonly changes: readonly EntryChange[];
  readonly dependents: readonly PermissionEntry[];
  readonly dependentRows: readonly EntryRow[];
}

async function planRevoke(deps: GrantsDeps, request: GrantRequest): Promise<RevokePlan> {
  const { resource, permissions, grantable } = normalized(request);
  const principal = await knownPrincipal(deps, request.principal);
  const rows = await deps.store.read(grantsModule.procedures.entriesOf, {
    principals: [principal.arn],
    keys: [principal.key],
  });
  const changes = rows.flatMap((row) => changeOf(row, resource, permissions, grantable) ?? []);
  if (changes.length === 0) {
    throw new LochError(
      'invalid_argument',
      `No permissions revoked: \`${request.principal}\` holds none of ${[...new Set([...permissions, ...grantable])].join(', ')} on ${describeResource(resource)}.`,
      { context: { argument: 'Permissions' } },
    );
  }
  const dependentRows = await dependentsOf(deps, principal, applied(rows, changes));
  return { changes, dependents: dependentRows.map(entryOf), dependentRows };
}

function normalized(request: GrantRequest): {
  resource: LakeResource;
  permissions: readonly LakePermission[];
  grantable: readonly LakePermission[];
} {
  const resource = canonicalResource(request.resource);
  const grantable = request.grantable ?? [];
  assertPermissionsFit(resource, [...request.permissions, ...grantable]);
  return { resource, permissions: request.permissions, grantable };
}

/** A revoke must also reach the grants of a principal that is gone. */
async function knownPrincipal(deps: GrantsDeps, text: string): Promise<StoredPrincipal> {
  if (text === IAM_ALLOWED_PRINCIPALS || text === allPrincipalsOf(deps.accountId)) return { arn: text, key: text };
  const principal = await deps.identities.principal(text);
  return { arn: text, key: principal?.id ?? text };
}

/** How a revoke changes one stored grant, or undefined when it does not touch it. */
function changeOf(
  row: EntryRow,
  resource: LakeResource,
  permissions: readonly LakePermission[],
  grantable: readonly LakePermission[],
): EntryChange | undefined {
  const own = resourceAt(row);
  const place = placeOf(resource);
  const same =
    row.kind === place.kind &&
    row.database_name === place.database_name &&
    row.table_name === place.table_name &&
    row.detail === place.detail;
  if (!same) return permissions.includes('SELECT') ? withoutColumns(row, own, resource) : undefined;
  const held = JSON.parse(row.permissions) as LakePermission[];
  const passed = JSON.parse(row.grantable) as LakePermission[];
  const next = {
    permissions: minus(held, permissions, own),
    grantable: minus(passed, [...permissions, ...grantable], own),
  };
  if (
    next.permissions.length === held.length &&
    next.grantable.length === passed.length &&
    !splitsAll(held, next.permissions)
  ) {
    return undefined;
  }
  return {
    id: row.id,
    revision: row.revision,
    ...(next.permissions.length === 0 ? {} : { next: { detail: row.detail, ...next } }),
  };
}

const splitsAll = (before: readonly string[], after: readonly string[]): boolean =>
  before.includes('ALL') && !after.includes('ALL');

/** A list without some permissions. ALL stands for each; taking one leaves the others by name. */
function minus(
  held: readonly LakePermission[],
  taken: readonly LakePermission[],
  resource: LakeResource,
): LakePermission[] {
  if (taken.length === 0) return [...held];
  if (taken.includes('ALL')) return [];
  const spelled = held.includes('ALL')
    ? permissionsOf(resource.kind).filter((permission) => permission !== 'ALL')
    : held;
  return spelled.filter((permission) => !taken.includes(permission));
}

/** Columns taken from a wider column grant of the same table: it goes on without them. */
function withoutColumns(row: EntryRow, own: LakeResource, resource: LakeResource): EntryChange | undefined {
  if (own.kind !== 'columns' || resource.kind !== 'columns' || resource.include === undefined) return undefined;
  if (own.database !== resource.database || own.table !== resource.table) return undefined;
  const taken = resource.include;
  const lists = { permissions: JSON.parse(row.permissions), grantable: JSON.parse(row.grantable) };
  const change = { id: row.id, revision: row.revision };
  if (own.include !== undefined) {
    const include = own.include.filter((name) => !taken.includes(name));
    if (include.length === own.include.length) return undefined;
    if (include.length === 0) return change;
    return { ...change, next: { ...lists, detail: placeOf({ ...own, include }).detail } };
  }
  const exclude = [...new Set([...(own.exclude ?? []), ...taken])].sort();
  if (exclude.length === own.exclude?.length) return undefined;
  return { ...change, next: { ...lists, detail: placeOf({ ...own, exclude }).detail } };
}

function applied(rows: readonly EntryRow[], changes: readonly EntryChange[]): EntryRow[] {
  const byId = new Map(changes.map((change) => [change.id, change]));
  return rows.flatMap((row) => {
    const change = byId.get(row.id);
    if (change === undefined) return [row];
    if (change.next === undefined) return [];
    const { detail, permissions, grantable } = change.next;
    return [{ ...row, detail, permissions: JSON.stringify(permissions), grantable: JSON.stringify(grantable) }];
  });
}

/** A stored grant as callers see it. */
export function entryOf(row: EntryRow): PermissionEntry {
  return {
    id: row.id,
    principal: row.principal,
    resource: resourceAt(row),
    permissions: JSON.parse(row.permissions),
    grantable: JSON.parse(row.grantable),
    grantedBy: row.granted_by,
    updatedAt: row.updated_at,
  };
}
