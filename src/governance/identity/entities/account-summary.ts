import type { RequestContext } from '../../../core/caller.ts';
import type { AccountSummary } from '../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';

/** How much of each kind the account holds, beside its quotas. */
export async function accountSummary(deps: IdentityDeps, context: RequestContext): Promise<AccountSummary> {
  await deps.policy().authorize(context, { action: 'iam:GetAccountSummary', resource: '*' });
  return { ...(await deps.store.read(procedures.summary, { account: context.accountId })), quotas: deps.quotas };
}
