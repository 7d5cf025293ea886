import type { RequestContext } from '../../../core/caller.ts';
import { checkName } from '../check-names.ts';
import type { EntityRef, IdentityPage, PageRequest } from '../contract.ts';
import { authorizedEntity, operationOf } from '../entities/entity-of.ts';
import { parsePolicyDocument } from '../evaluate/policy-document.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { pageOfRows, readPage } from '../page-of-names.ts';

/** Adds or replaces a policy that belongs to one user, group or role. */
export async function putInlinePolicy(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  policy: string,
  document: string,
): Promise<void> {
  checkName('policy', policy);
  parsePolicyDocument(document, 'identity');
  await authorizedEntity(deps, context, ref, operationOf('Put?Policy', ref.kind));
  const maxCharacters = deps.quotas.inlineCharacters[ref.kind];
  const args = { account: context.accountId, ...ref, policy, document, maxCharacters };
  await deps.store.write(procedures.putInlinePolicy, args);
}

/** The text of an inline policy. */
export async function getInlinePolicy(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  policy: string,
): Promise<string> {
  await authorizedEntity(deps, context, ref, operationOf('Get?Policy', ref.kind));
  return (await deps.store.read(procedures.inlinePolicy, { account: context.accountId, ...ref, policy })).document;
}

/** Removes an inline policy. */
export async function deleteInlinePolicy(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  policy: string,
): Promise<void> {
  await authorizedEntity(deps, context, ref, operationOf('Delete?Policy', ref.kind));
  await deps.store.write(procedures.deleteInlinePolicy, { account: context.accountId, ...ref, policy });
}

/** The names of the inline policies of a user, group or role. */
export async function listInlinePolicies(
  deps: IdentityDeps,
  context: RequestContext,
  ref: EntityRef,
  input: PageRequest,
): Promise<IdentityPage<string>> {
  const page = readPage(input);
  await authorizedEntity(deps, context, ref, operationOf('List?Policies', ref.kind));
  const found = await deps.store.read(procedures.inlinePolicies, { account: context.accountId, ...ref, ...page });
  return pageOfRows(
    found,
    (row) => row.name_key,
    (row) => row.name,
  );
}
