import type { RequestContext } from '../../../core/caller.ts';
import type { Entity, EntityKind } from '../contract.ts';
import type { IdentityDeps } from '../identity-deps.ts';
import { authorizedEntity, callerName, operationOf } from './entity-of.ts';

/** A user, group or role; the caller himself when no name is given. */
export async function getEntity(
  deps: IdentityDeps,
  context: RequestContext,
  kind: EntityKind,
  name: string | undefined,
  operation = operationOf('Get?', kind),
): Promise<Entity> {
  return authorizedEntity(deps, context, { kind, name: name ?? callerName(context, operation) }, operation);
}
