/**
 * Whom the principals of a statement name. **Source**: AWS IAM User Guide, "AWS JSON policy elements: Principal" and
 * "NotPrincipal".
 */
import type { Principal } from '../../../core/caller.ts';
import { canonicalUserId } from '../../../core/canonical-user.ts';
import type { PrincipalPattern, Statement } from './policy-document.ts';

/**
 * `caller`: him and nobody else; `role`: the role he has taken; `account`: his account, which passes its right on by its
 * own policies; `anyone`: whoever comes.
 */
export type PrincipalMatch = 'caller' | 'role' | 'anyone' | 'account';

/** The closest way in which a statement names the caller; undefined when it does not. */
export function matchPrincipal({ principals }: Statement, caller: Principal): PrincipalMatch | undefined {
  if (principals === undefined) return undefined;
  const found = new Set(principals.patterns.map((pattern) => matchOne(pattern, caller)));
  const best = (['caller', 'role', 'anyone', 'account'] as const).find((match) => found.has(match));
  if (!principals.except) return best;
  return best === undefined ? 'anyone' : undefined;
}

function matchOne({ type, value }: PrincipalPattern, caller: Principal): PrincipalMatch | undefined {
  if (type === 'AWS' && value === '*') return 'anyone';
  if (caller.kind === 'anonymous') return undefined;
  if (type === 'Service') return caller.kind === 'service' && value === caller.name ? 'caller' : undefined;
  if (caller.kind === 'service') return undefined;
  const { accountId } = caller;
  if (type === 'CanonicalUser') return value === canonicalUserId(accountId) ? 'account' : undefined;
  if (type !== 'AWS') return undefined;
  if (value === accountId || value === `arn:aws:iam::${accountId}:root`) {
    return caller.kind === 'root' ? 'caller' : 'account';
  }
  if (value === caller.arn || value === caller.id) return 'caller';
  return value === caller.session?.roleArn || value === caller.id.split(':')[0] ? 'role' : undefined;
}
