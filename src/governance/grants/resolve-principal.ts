import { LochError } from '../../core/errors.ts';
import { allPrincipalsOf, IAM_ALLOWED_PRINCIPALS, principalKey } from './grant-index.ts';
import type { GrantsDeps } from './grants-deps.ts';
import type { StoredPrincipal } from './store.ts';

/**
 * The principal of a grant, with the unique id it is kept under.
 * **Errors**: `invalid_argument` for one that does not exist; `unsupported` for other accounts and IAM groups.
 */
export async function resolvePrincipal(deps: GrantsDeps, text: string): Promise<StoredPrincipal> {
  if (text === IAM_ALLOWED_PRINCIPALS || text === allPrincipalsOf(deps.accountId)) return { arn: text, key: text };
  const [, service, account, kind] = /^arn:aws[a-z-]*:([a-z]+)::(\d{12}):([a-z-]+)/.exec(text) ?? [];
  if (service === undefined && !/^\d{12}$/.test(text)) {
    throw new LochError(
      'invalid_argument',
      `\`${text}\` is not a principal. Give the ARN of a user or role, ${IAM_ALLOWED_PRINCIPALS} or ${allPrincipalsOf(deps.accountId)}.`,
      { context: { argument: 'Principal' } },
    );
  }
  if (account !== deps.accountId) {
    throw new LochError('unsupported', `Grants to other accounts (\`${text}\`) are not supported.`, {
      context: { argument: 'Principal' },
    });
  }
  if (kind === 'group') {
    throw new LochError(
      'unsupported',
      `\`${text}\` is an IAM group. Lake Formation grants go to users and roles; grant to those, or to ${allPrincipalsOf(deps.accountId)}.`,
      { context: { argument: 'Principal' } },
    );
  }
  const principal = service === 'iam' ? await deps.identities.principal(text) : undefined;
  if (principal === undefined) {
    throw new LochError('invalid_argument', `There is no principal \`${text}\`. Create the user or role first.`, {
      context: { argument: 'Principal' },
    });
  }
  return { arn: principal.arn, key: principalKey(principal) };
}
