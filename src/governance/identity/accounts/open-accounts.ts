import { canonicalUserId } from '../../../core/canonical-user.ts';
import type { AccountInfo, Accounts } from '../../contract.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { createAccount } from './create-account.ts';

/** The accounts of the installation, kept in memory until one is made. `close` stops listening. */
export function openAccounts(
  deps: IdentityDeps & { readonly accountId: string },
): Accounts & { readonly close: () => void } {
  let known: Promise<readonly AccountInfo[]> | undefined;
  const close = deps.store.onCommitted((events) => {
    if (events.some((event) => event.name === 'governanceIdentityChanged')) known = undefined;
  });
  const list = (): Promise<readonly AccountInfo[]> => {
    if (known !== undefined) return known;
    const reading = readAccounts(deps);
    known = reading;
    reading.catch(() => {
      if (known === reading) known = undefined; // told to whoever asked; the next one reads again
    });
    return reading;
  };
  return {
    list,
    async find(by) {
      return (await list()).find((account) =>
        'accountId' in by
          ? account.accountId === by.accountId
          : 'canonicalId' in by
            ? account.canonicalId === by.canonicalId
            : account.email.toLowerCase() === by.email.toLowerCase(),
      );
    },
    create: (context, account) => createAccount(deps, context, account),
    close,
  };
}

async function readAccounts(deps: IdentityDeps & { readonly accountId: string }): Promise<AccountInfo[]> {
  const rows = await deps.store.read(procedures.accounts, {});
  const own = { account_id: deps.accountId, name: deps.accountId, email: `${deps.accountId}@loch.invalid` };
  return [own, ...rows].map(({ account_id: accountId, name, email }) => ({
    accountId,
    canonicalId: canonicalUserId(accountId),
    name,
    email,
  }));
}
