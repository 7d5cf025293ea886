import type { RequestContext } from '../../../core/caller.ts';
import { awsManagedPolicy, isAwsManaged } from '../aws-managed-policies.ts';
import type { IdentityPage, PageRequest, PolicyVersion } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { readPage } from '../page-of-names.ts';
import {
  authorizePolicy,
  checkChangeable,
  checkManagedDocument,
  policyVersionOf,
  versionNumber,
} from './managed-policy.ts';

/** Adds a version of a managed policy. */
export async function createPolicyVersion(
  deps: IdentityDeps,
  context: RequestContext,
  input: { readonly arn: string; readonly document: string; readonly setAsDefault: boolean },
): Promise<PolicyVersion> {
  checkManagedDocument(deps, input.document);
  await authorizePolicy(deps, context, input.arn, 'CreatePolicyVersion');
  checkChangeable(input.arn);
  const quota = deps.quotas.policyVersions;
  const row = await deps.store.write(procedures.createPolicyVersion, { ...input, quota });
  return policyVersionOf(row, input.setAsDefault);
}

/** One version with its text. */
export async function getPolicyVersion(
  deps: IdentityDeps,
  context: RequestContext,
  arn: string,
  versionId: string,
): Promise<PolicyVersion> {
  const number = versionNumber(versionId);
  await authorizePolicy(deps, context, arn, 'GetPolicyVersion');
  if (isAwsManaged(arn)) return awsVersion(arn);
  const row = await deps.store.read(procedures.policyVersion, { arn, number });
  return policyVersionOf(row, row.is_default);
}

/** All versions, newest first; there are at most five. */
export async function listPolicyVersions(
  deps: IdentityDeps,
  context: RequestContext,
  arn: string,
  page: PageRequest,
): Promise<IdentityPage<PolicyVersion>> {
  readPage(page);
  await authorizePolicy(deps, context, arn, 'ListPolicyVersions');
  if (isAwsManaged(arn)) return { items: [awsVersion(arn)] };
  const rows = await deps.store.read(procedures.policyVersions, { arn });
  return { items: rows.map((row) => policyVersionOf(row, row.is_default)) };
}

/** Makes another version the one that counts. */
export async function setDefaultPolicyVersion(
  deps: IdentityDeps,
  context: RequestContext,
  arn: string,
  versionId: string,
): Promise<void> {
  const number = versionNumber(versionId);
  await authorizePolicy(deps, context, arn, 'SetDefaultPolicyVersion');
  checkChangeable(arn);
  await deps.store.write(procedures.setDefaultVersion, { arn, number });
}

/** Removes a version that is not the default. */
export async function deletePolicyVersion(
  deps: IdentityDeps,
  context: RequestContext,
  arn: string,
  versionId: string,
): Promise<void> {
  const number = versionNumber(versionId);
  await authorizePolicy(deps, context, arn, 'DeletePolicyVersion');
  checkChangeable(arn);
  await deps.store.write(procedures.deletePolicyVersion, { arn, number });
}

function awsVersion(arn: string): PolicyVersion {
  const policy = awsManagedPolicy(arn);
  return { versionId: 'v1', isDefault: true, document: policy.document, createdAt: policy.createdAt };
}
