/**
 * Policies of keys. **Source**: AWS KMS Developer Guide, "Key policies" and "Determining access to AWS KMS keys".
 *
 * Invariants
 * - A key nobody's policy speaks for is closed, to root too: IAM policies count only where the key policy trusts the account.
 * - An explicit deny anywhere wins over key policy, IAM and grants.
 */
import type { Principal } from '../../core/caller.ts';
import { iamArn } from '../../core/arn.ts';
import type { ActionRequest } from '../contract.ts';
import { statementMatches } from '../identity/evaluate/decide.ts';
import { matchPrincipal } from '../identity/evaluate/match-principal.ts';
import { type PolicyDocument, parsePolicyDocument, type Statement } from '../identity/evaluate/policy-document.ts';
import type { RequestValues } from '../identity/evaluate/request-values.ts';
import { isLochError } from '../../core/errors.ts';
import { keyFailure } from './contract.ts';
import { KEY_QUOTAS } from './key-deps.ts';

/** What a key policy says of a request: allows the caller himself, trusts his account, denies, or is silent. */
export interface KeyPolicyDecision {
  readonly says: 'direct' | 'account' | 'denied' | 'nothing';
  readonly decidedBy: readonly string[];
}

/** The policy of a key that was given none: the account's IAM policies decide. */
export const defaultPolicy = (accountId: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Id: 'key-default-1',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: iamArn(accountId, 'root') },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  });

/** The policy of a key that a service of the lake made: everybody of the account, through that service only. */
export const servicePolicy = (accountId: string, region: string, service: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Id: `auto-${service}-1`,
    Statement: [
      {
        Sid: `Allow access through ${service} for all principals in the account that are authorized to use ${service}`,
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: [
          'kms:Encrypt',
          'kms:Decrypt',
          'kms:ReEncrypt*',
          'kms:GenerateDataKey*',
          'kms:CreateGrant',
          'kms:DescribeKey',
        ],
        Resource: '*',
        Condition: {
          StringEquals: { 'kms:CallerAccount': accountId, 'kms:ViaService': `${service}.${region}.amazonaws.com` },
        },
      },
      {
        Sid: 'Allow direct access to key metadata to the account',
        Effect: 'Allow',
        Principal: { AWS: iamArn(accountId, 'root') },
        Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
        Resource: '*',
      },
    ],
  });

/** **Errors**: `MalformedPolicyDocumentException`, `LimitExceededException`. */
export function parseKeyPolicy(text: string): PolicyDocument {
  const bytes = Buffer.byteLength(text);
  if (bytes > KEY_QUOTAS.policyBytes) {
    throw keyFailure(
      'LimitExceededException',
      `The key policy has ${bytes} bytes; the limit is ${KEY_QUOTAS.policyBytes}.`,
    );
  }
  try {
    return parsePolicyDocument(text, 'resource');
  } catch (error) {
    if (!isLochError(error, 'malformed_policy')) throw error;
    throw keyFailure('MalformedPolicyDocumentException', error.message, { cause: error });
  }
}

/** Decides over a key policy. */
export function decideKeyPolicy(
  document: PolicyDocument,
  caller: Principal,
  request: ActionRequest,
  values: RequestValues,
): KeyPolicyDecision {
  let says: KeyPolicyDecision['says'] = 'nothing';
  const decidedBy: string[] = [];
  for (const statement of document.statements) {
    const match = principalMatch(statement, caller);
    if (match === 'none' || !statementMatches(statement, request, values)) continue;
    const by = `key-policy#${statement.id}`;
    if (statement.effect === 'Deny') return { says: 'denied', decidedBy: [by] };
    decidedBy.push(by);
    if (match === 'direct') says = 'direct';
    else if (says === 'nothing') says = 'account';
  }
  return { says, decidedBy };
}

/** How a statement names the caller. Root is his account here: a key is closed to him too where nothing trusts it. */
function principalMatch(statement: Statement, caller: Principal): 'direct' | 'account' | 'none' {
  const match = matchPrincipal(statement, caller);
  // NotPrincipal with Allow would open the key to everybody else; KMS takes it with Deny only.
  const opens = statement.principals?.except === true && statement.effect === 'Allow';
  if (match === undefined || opens) return 'none';
  return match === 'account' || (match === 'caller' && caller.kind === 'root') ? 'account' : 'direct';
}
