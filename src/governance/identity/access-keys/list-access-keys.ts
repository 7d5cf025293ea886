import type { RequestContext } from '../../../core/caller.ts';
import type { AccessKeyRecord, IdentityPage, PageRequest } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { readPage } from '../page-of-names.ts';
import { accessKeyOf, authorizedOwner } from './key-owner.ts';

/** The keys of a user without their secrets. There are so few that one page holds them. */
export async function listAccessKeys(
  deps: IdentityDeps,
  context: RequestContext,
  userName: string | undefined,
  page: PageRequest,
): Promise<IdentityPage<AccessKeyRecord>> {
  readPage(page);
  const owner = await authorizedOwner(deps, context, userName, 'ListAccessKeys');
  const found = await deps.store.read(procedures.accessKeys, owner);
  return { items: found.rows.map((row) => accessKeyOf(row, found.owner)) };
}
