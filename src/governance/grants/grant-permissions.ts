import type { RequestContext } from '../../core/caller.ts';
import { LochError } from '../../core/errors.ts';
import { newId } from '../../core/ids.ts';
import type { LakePermission } from '../contract.ts';
import { assertResource } from './assert-resource.ts';
import type { LakeFormation, LakeResource } from './contract.ts';
import { allHeld, notGrantable } from './grant-authority.ts';
import { type GrantState, type Held, tableKey } from './grant-index.ts';
import { authorizeLake, type GrantsDeps } from './grants-deps.ts';
import { assertPermissionsFit, canonicalResource, describeResource, placeOf } from './lake-resource.ts';
import { resolvePrincipal } from './resolve-principal.ts';
import grantsModule from './store.ts';

/** **Source**: Lake Formation quotas, "Data filters per principal on a table". */
const MOST_FILTERS = 100;

/** The use-case behind GrantPermissions. */
export function grantPermissions(deps: GrantsDeps, operation = 'GrantPermissions'): LakeFormation['grant'] {
  return async (context, request) => {
    const resource = canonicalResource(request.resource);
    const grantable = request.grantable ?? [];
    assertPermissionsFit(resource, request.permissions);
    if (grantable.length > 0) assertPermissionsFit(resource, grantable);
    // A permission that may be passed on is held too, as in AWS, where one request names it in both lists.
    const permissions = [...new Set([...request.permissions, ...grantable])];
    await authorizeLake(deps, context, operation);
    await assertMayGrant(deps, context, resource, permissions);
    const { arn, key } = await resolvePrincipal(deps, request.principal);
    await assertResource(deps, resource);
    const state = await deps.index.current();
    assertFilterCount(state, { key }, resource, deps);
    await deps.store.write(grantsModule.procedures.grant, {
      entries: [
        {
          id: newId(),
          principal: arn,
          principal_key: key,
          ...placeOf(resource),
          permissions,
          grantable,
          granted_by: context.principal.arn,
        },
      ],
    });
  };
}

/** **Errors**: `access_denied`, recorded, naming what the caller may not pass on. */
export async function assertMayGrant(
  deps: GrantsDeps,
  context: RequestContext,
  resource: LakeResource,
  permissions: readonly LakePermission[],
): Promise<void> {
  const state = await deps.index.current();
  if (state.isAdmin(context.principal)) return;
  const held = allHeld(state, context.principal);
  const missing = notGrantable(held, resource, permissions);
  if (missing.length === 0) return;
  throw await deps.refuse(context, {
    action: `lakeformation:${missing.join(',')} with grant option`,
    resource: describeResource(resource),
    why: 'one may grant and revoke what one holds with grant option. Ask a data lake administrator.',
    by: held.length === 0 ? ['no-grant'] : held.map((grant) => grant.id).slice(0, 20),
  });
}

function assertFilterCount(
  state: GrantState,
  grantee: { key: string },
  resource: LakeResource,
  deps: GrantsDeps,
): void {
  if (resource.kind !== 'filter') return;
  const probe = { kind: 'service', id: grantee.key, arn: '', name: '', accountId: deps.accountId } as const;
  const held: Held[] = state.grantsOf(probe).flatMap((grants) => grants.tables.get(tableKey(resource)) ?? []);
  const filters = new Set(held.flatMap((grant) => (grant.resource.kind === 'filter' ? [grant.resource.filter] : [])));
  if (filters.has(resource.filter) || filters.size < MOST_FILTERS) return;
  throw new LochError(
    'limit_exceeded',
    `A principal has at most ${MOST_FILTERS} filters on one table. Revoke one, or put two into one expression.`,
    { context: { limit: MOST_FILTERS } },
  );
}
