import { parseArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import { awsManagedPolicy, isAwsManaged } from '../aws-managed-policies.ts';
import type { ManagedPolicy, PolicyVersion } from '../contract.ts';
import { parsePolicyDocument } from '../evaluate/policy-document.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import type { UsedPolicyRow } from '../store/policies.ts';

/** A stored row as the policy it describes. */
export function managedPolicyOf(row: UsedPolicyRow): ManagedPolicy {
  return {
    name: row.name,
    id: row.id,
    arn: row.arn,
    path: row.path,
    description: row.description,
    defaultVersionId: `v${row.default_version}`,
    attachments: row.attachments,
    boundaryUses: row.boundary_uses,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    tags: JSON.parse(row.tags),
  };
}

interface VersionRow {
  readonly number: number;
  readonly document: string;
  readonly created_at: number;
}

/** A stored version of a policy. */
export function policyVersionOf(row: VersionRow, isDefault: boolean): PolicyVersion {
  return { versionId: `v${row.number}`, isDefault, document: row.document, createdAt: row.created_at };
}

/** The number of `v3`. **Errors**: `invalid_argument`. */
export function versionNumber(versionId: string): number {
  const found = /^v([1-9]\d{0,8})$/.exec(versionId);
  if (found === null) throw new LochError('invalid_argument', `\`${versionId}\` is no version id. Write it as v1.`);
  return Number(found[1]);
}

/** A managed policy, of the account or made by AWS. **Errors**: `not_found`. */
export async function findManagedPolicy(deps: IdentityDeps, arn: string): Promise<ManagedPolicy> {
  if (!isAwsManaged(arn)) return managedPolicyOf(await deps.store.read(procedures.policy, { arn }));
  const { document: _, ...policy } = awsManagedPolicy(arn);
  const uses = await deps.store.read(procedures.policyUses, { arn });
  return { ...policy, attachments: uses.attachments, boundaryUses: uses.boundary_uses };
}

/** **Errors**: `not_found`, `access_denied` for another account's policy. */
export async function checkPolicyExists(deps: IdentityDeps, context: RequestContext, arn: string): Promise<void> {
  checkReachable(context, arn);
  if (isAwsManaged(arn)) awsManagedPolicy(arn);
  else await deps.store.read(procedures.policy, { arn });
}

/** **Errors**: `malformed_policy` with line and column, `limit_exceeded`. */
export function checkManagedDocument(deps: IdentityDeps, document: string): void {
  const limit = deps.quotas.managedPolicyCharacters;
  if (document.replace(/\s/g, '').length > limit) {
    throw new LochError('limit_exceeded', `Cannot exceed the quota of ${limit} characters of a managed policy.`);
  }
  parsePolicyDocument(document, 'identity');
}

/** Authorizes `iam:<operation>` on a policy of the caller's account, or of AWS. **Errors**: `access_denied`. */
export async function authorizePolicy(
  deps: IdentityDeps,
  context: RequestContext,
  arn: string,
  operation: string,
): Promise<void> {
  checkReachable(context, arn);
  await deps.policy().authorize(context, { action: `iam:${operation}`, resource: arn });
}

/** **Errors**: `invalid_argument`, `access_denied` for another account's policy. */
export function checkReachable(context: RequestContext, arn: string): void {
  if (isAwsManaged(arn) || parseArn(arn).accountId === context.accountId) return;
  throw new LochError('access_denied', `The policy \`${arn}\` belongs to another account.`, { context: { arn } });
}

/** Refuses to change what AWS made. **Errors**: `access_denied`. */
export function checkChangeable(arn: string): void {
  if (!isAwsManaged(arn)) return;
  throw new LochError('access_denied', `The policy \`${arn}\` was made by AWS and cannot be changed. Make your own.`);
}
