import { iamArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { Entity, EntityKind, EntityRef } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import type { EntityRow } from '../store/tables.ts';

/** `arn:aws:iam::<account>:user/<path><name>`. */
export const entityArn = (account: string, kind: string, path: string, name: string): string =>
  iamArn(account, `${kind}${path}${name}`);

/** A stored row as the entity it describes. */
export function entityOf(row: EntityRow): Entity {
  return {
    kind: row.kind as EntityKind,
    name: row.name,
    path: row.path,
    id: row.id,
    arn: entityArn(row.account_id, row.kind, row.path, row.name),
    createdAt: row.created_at,
    tags: JSON.parse(row.tags),
    description: row.description,
    ...(row.boundary === null ? {} : { boundary: row.boundary }),
    ...(row.trust_policy === null ? {} : { trustPolicy: row.trust_policy }),
    ...(row.max_session_s === null ? {} : { maxSessionSeconds: row.max_session_s }),
  };
}

/** The user, group or role, or undefined when it does not exist. */
async function findEntity(deps: IdentityDeps, context: RequestContext, ref: EntityRef): Promise<Entity | undefined> {
  try {
    return entityOf(await deps.store.read(procedures.entity, { account: context.accountId, ...ref }));
  } catch (error) {
    if (isLochError(error, 'not_found')) return undefined;
    throw error;
  }
}

/** The `iam:` operation of a kind: `Attach?Policy` for a user is `AttachUserPolicy`. */
export const operationOf = (template: string, kind: EntityKind): string =>
  template.replace('?', kind[0]!.toUpperCase() + kind.slice(1));

/**
 * Authorizes `iam:<operation>` on an existing entity and returns it. Who may not is told so whether it exists or not.
 * **Errors**: `access_denied`, `not_found`.
 */
export async function authorizedEntity(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  operation: string,
  conditions?: Readonly<Record<string, string | readonly string[]>>,
): Promise<Entity> {
  const entity = await findEntity(deps, context, ref);
  await deps.policy().authorize(context, {
    action: `iam:${operation}`,
    resource: entity?.arn ?? entityArn(context.accountId, ref.kind, '/', ref.name),
    ...(conditions === undefined ? {} : { conditions }),
  });
  if (entity === undefined) {
    throw new LochError('not_found', `The ${ref.kind} with name ${ref.name} cannot be found.`, { context: { ...ref } });
  }
  return entity;
}

/** The caller as a user, where an operation without a name speaks of him. **Errors**: `invalid_argument`. */
export function callerName(context: RequestContext, operation: string): string {
  if (context.principal.kind === 'user') return context.principal.name;
  throw new LochError('invalid_argument', `${operation} needs UserName: the caller is not a user.`);
}
