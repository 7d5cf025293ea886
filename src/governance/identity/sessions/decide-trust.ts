/**
 * Whether a trust policy lets a caller take its role. **Source**: AWS IAM User Guide, "Principal" and "How to use trust
 * policies".
 */
import type { Principal } from '../../../core/caller.ts';
import { statementMatches } from '../evaluate/decide.ts';
import type { PolicyDocument, PrincipalPattern, Statement } from '../evaluate/policy-document.ts';
import type { RequestValues } from '../evaluate/request-values.ts';

/**
 * `direct`: the policy names the caller himself, which is enough. `account`: it trusts his account, whose policies must
 * allow it to him too. `denied`: it denies, or says nothing of him.
 */
export type Trust = 'direct' | 'account' | 'denied';

/** What the trust policy says of the caller and an action such as `sts:AssumeRole`. */
export function decideTrust(
  document: PolicyDocument,
  caller: Principal,
  request: { readonly action: string; readonly resource: string },
  values: RequestValues,
): Trust {
  let trust: Trust = 'denied';
  for (const statement of document.statements) {
    const match = matchOf(statement, caller);
    if (match === 'none' || !statementMatches(statement, request, values)) continue;
    if (statement.effect === 'Deny') return 'denied';
    if (match === 'direct') trust = 'direct';
    else if (trust === 'denied') trust = 'account';
  }
  return trust;
}

function matchOf(statement: Statement, caller: Principal): 'direct' | 'account' | 'none' {
  const { principals } = statement;
  if (principals === undefined) return 'none';
  const found = principals.patterns.map((pattern) => matchPattern(pattern, caller));
  const best = found.includes('direct') ? 'direct' : found.includes('account') ? 'account' : 'none';
  if (!principals.except) return best;
  return best === 'none' ? 'direct' : 'none';
}

function matchPattern({ type, value }: PrincipalPattern, caller: Principal): 'direct' | 'account' | 'none' {
  if (type === 'Service') return caller.kind === 'service' && value === caller.name ? 'direct' : 'none';
  if (type !== 'AWS' || caller.kind === 'service') return 'none';
  if (value === '*' || value === caller.arn || value === caller.session?.roleArn) return 'direct';
  const account = caller.accountId;
  return value === account || value === `arn:aws:iam::${account}:root` ? 'account' : 'none';
}
