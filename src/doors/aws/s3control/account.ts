import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';

/** What every request of S3 Control names. */
export interface OfAccount {
  readonly AccountId?: string | undefined;
}

/** **Errors**: `access_denied` for another account than the caller's. */
export function assertAccount(context: RequestContext, { AccountId }: OfAccount): void {
  if (AccountId === undefined || AccountId === context.accountId) return;
  throw new LochError('access_denied', `You are of the account ${context.accountId}, not of ${AccountId}.`);
}
