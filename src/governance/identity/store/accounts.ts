import { LochError } from '../../../core/errors.ts';
import { proceduresOver } from '../../../metadata/contract.ts';
import type { AccountRow, IdentityTables } from './tables.ts';

const { read, write } = proceduresOver<IdentityTables>();

export const accountProcedures = {
  accounts: read(async (db, _args: Record<string, never>): Promise<AccountRow[]> => {
    return db.selectFrom('identity_account').selectAll().orderBy('account_id').execute();
  }),

  createAccount: write(async (db, args: Omit<AccountRow, 'created_at'>, context): Promise<void> => {
    const there = await db
      .selectFrom('identity_account')
      .select(['account_id', 'email'])
      .where((e) => e.or([e('account_id', '=', args.account_id), e('email', '=', args.email)]))
      .executeTakeFirst();
    if (there !== undefined) {
      const what = there.account_id === args.account_id ? `id ${args.account_id}` : `email ${args.email}`;
      throw new LochError('already_exists', `An account with the ${what} exists already.`, {
        context: { accountId: there.account_id },
      });
    }
    await db
      .insertInto('identity_account')
      .values({ ...args, created_at: context.now })
      .execute();
    context.emit({
      name: 'governanceIdentityChanged',
      payload: { kind: 'account', name: args.account_id, change: 'created' },
    });
  }),
};
