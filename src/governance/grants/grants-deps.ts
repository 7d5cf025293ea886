import type { RequestContext } from '../../core/caller.ts';
import type { MetadataStore } from '../../metadata/contract.ts';
import type { Identities, Policy, TableDirectory } from '../contract.ts';
import type { Refuse } from '../refusals.ts';
import type { GrantIndex } from './grant-index.ts';

/** What the use-cases of grants are built from. */
export interface GrantsDeps {
  readonly store: MetadataStore;
  readonly index: GrantIndex;
  readonly authorize: Policy['authorize'];
  readonly refuse: Refuse;
  readonly identities: Identities;
  readonly directory: () => TableDirectory;
  readonly accountId: string;
}

/** The IAM side of an operation. Lake Formation's actions know no resources. **Errors**: `access_denied`. */
export function authorizeLake(deps: GrantsDeps, context: RequestContext, operation: string): Promise<void> {
  return deps.authorize(context, { action: `lakeformation:${operation}`, resource: '*' });
}

/** Refuses callers that are no data lake administrators. **Errors**: `access_denied`, recorded. */
export async function assertAdmin(deps: GrantsDeps, context: RequestContext, operation: string): Promise<void> {
  if ((await deps.index.current()).isAdmin(context.principal)) return;
  throw await deps.refuse(context, {
    action: `lakeformation:${operation}`,
    resource: 'data lake',
    why: 'only data lake administrators may. Ask one of them, or to be made one (PutDataLakeSettings).',
    by: ['not-a-data-lake-administrator'],
  });
}
