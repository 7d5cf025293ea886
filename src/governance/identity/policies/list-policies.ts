import { iamArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { AWS_MANAGED_POLICIES } from '../aws-managed-policies.ts';
import type { IdentityPage, ManagedPolicy, PolicyUseCases } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { pageOfRows, readListing } from '../page-of-names.ts';
import { findManagedPolicy, managedPolicyOf } from './managed-policy.ts';

/** Markers of AWS's policies begin with a character that sorts after every name. */
const AWS_MARKER = '~aws';

/** Managed policies: the account's own first, then those AWS made. */
export async function listPolicies(
  deps: IdentityDeps,
  context: RequestContext,
  input: Parameters<PolicyUseCases['listPolicies']>[1],
): Promise<IdentityPage<ManagedPolicy>> {
  const page = readListing(input);
  const resource = iamArn(context.accountId, `policy${page.pathPrefix}`);
  await deps.policy().authorize(context, { action: 'iam:ListPolicies', resource });

  const scope = input.scope ?? 'All';
  const onlyAttached = input.onlyAttached ?? false;
  const found =
    scope === 'AWS' || page.after.startsWith(AWS_MARKER)
      ? { rows: [], more: false }
      : await deps.store.read(procedures.policies, { account: context.accountId, ...page, onlyAttached });
  const own = pageOfRows(found, (row) => row.name_key, managedPolicyOf);
  if (scope === 'Local' || found.more) return own;

  const room = page.limit - own.items.length;
  const start = page.after.startsWith(AWS_MARKER) ? Number(page.after.slice(AWS_MARKER.length)) : 0;
  const candidates = AWS_MANAGED_POLICIES.filter((policy) => policy.path.startsWith(page.pathPrefix));
  const taken = candidates.slice(start, start + room);
  const made = await Promise.all(taken.map((policy) => findManagedPolicy(deps, policy.arn)));
  const items = [...own.items, ...made.filter((policy) => !onlyAttached || policy.attachments > 0)];
  if (start + room >= candidates.length) return { items };
  return { items, marker: Buffer.from(`${AWS_MARKER}${start + room}`).toString('base64url') };
}
