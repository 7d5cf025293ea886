import type { RequestContext } from '../../../core/caller.ts';
import { canonicalUserId } from '../../../core/canonical-user.ts';
import { LochError } from '../../../core/errors.ts';
import { storeCall } from '../../../metadata/contract.ts';
import type { Accounts } from '../../contract.ts';
import { newSealedKey } from '../access-keys/create-access-key.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';

type NewAccount = Parameters<Accounts['create']>[1];

/** Makes an account and its root key in one transaction. The secret leaves here once. */
export async function createAccount(
  deps: IdentityDeps & { readonly accountId: string },
  context: RequestContext,
  account: NewAccount,
): ReturnType<Accounts['create']> {
  const { accountId, name, email } = account;
  checkAccount(account);
  await deps.policy().authorize(context, { action: 'organizations:CreateAccount', resource: '*' });
  if (accountId === deps.accountId) {
    throw new LochError('already_exists', `${accountId} is the account of the lake. Choose another id.`, {
      context: { accountId },
    });
  }
  const { key, secret } = newSealedKey(deps);
  await deps.store.transact([
    storeCall(procedures.createAccount, { account_id: accountId, name, email }),
    storeCall(procedures.ensureRootKey, { account: accountId, key }),
  ]);
  return { accountId, name, email, canonicalId: canonicalUserId(accountId), accessKeyId: key.accessKeyId, secret };
}

function checkAccount({ accountId, name, email }: NewAccount): void {
  if (!/^\d{12}$/.test(accountId)) {
    throw new LochError('invalid_argument', `An account id has 12 digits; \`${accountId}\` is none.`);
  }
  if (name.length < 1 || name.length > 50) {
    throw new LochError('invalid_argument', `The name of an account has 1 to 50 characters, not ${name.length}.`);
  }
  if (email.length > 64 || !/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw new LochError('invalid_argument', `\`${email}\` is no email address of at most 64 characters.`);
  }
}
