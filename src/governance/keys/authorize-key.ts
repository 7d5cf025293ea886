import type { RequestContext } from '../../core/caller.ts';
import type { ActionRequest } from '../contract.ts';
import { requestValues } from '../identity/evaluate/request-values.ts';
import type { PolicyDocument } from '../identity/evaluate/policy-document.ts';
import { type EncryptionContext, type KeyGrant, keyFailure, type KeyUseOptions } from './contract.ts';
import type { KeyDeps } from './key-deps.ts';
import { decideKeyPolicy } from './key-policy.ts';
import type { KnownKey } from './key-ring.ts';

/** What is asked of a key. */
export interface KeyQuestion {
  /** `Encrypt`, `ReEncryptFrom` … without its service. */
  readonly operation: string;
  readonly encryptionContext?: EncryptionContext | undefined;
  readonly algorithm?: string | undefined;
  /** The service of the lake that asks for the caller: `s3`. */
  readonly via?: string | undefined;
  /** How the caller named the key, when by alias. */
  readonly alias?: string | undefined;
  readonly conditions?: Readonly<Record<string, string | readonly string[] | boolean>>;
}

const ALGORITHM_KEYS: Readonly<Record<string, string>> = {
  Encrypt: 'kms:EncryptionAlgorithm',
  Decrypt: 'kms:EncryptionAlgorithm',
  ReEncryptFrom: 'kms:EncryptionAlgorithm',
  ReEncryptTo: 'kms:EncryptionAlgorithm',
  Sign: 'kms:SigningAlgorithm',
  Verify: 'kms:SigningAlgorithm',
  GenerateMac: 'kms:MacAlgorithm',
  VerifyMac: 'kms:MacAlgorithm',
};

/** The IAM request with every condition key KMS knows of it. **Source**: AWS KMS Developer Guide, "Condition keys". */
function requestFor(deps: KeyDeps, context: RequestContext, key: KnownKey, question: KeyQuestion): ActionRequest {
  const { info } = key;
  const conditions: Record<string, string | readonly string[] | boolean> = {
    ...question.conditions,
    'kms:CallerAccount': context.accountId,
    'kms:KeySpec': info.spec,
    'kms:KeyUsage': info.usage,
    'kms:KeyOrigin': info.origin,
    'kms:MultiRegion': false,
    'kms:ResourceAliases': info.aliases,
  };
  if (question.alias !== undefined) conditions['kms:RequestAlias'] = question.alias;
  if (question.via !== undefined) conditions['kms:ViaService'] = `${question.via}.${deps.region}.amazonaws.com`;
  const algorithmKey = ALGORITHM_KEYS[question.operation];
  if (algorithmKey !== undefined && question.algorithm !== undefined) conditions[algorithmKey] = question.algorithm;
  if (question.encryptionContext !== undefined) {
    conditions['kms:EncryptionContextKeys'] = Object.keys(question.encryptionContext);
    for (const [name, value] of Object.entries(question.encryptionContext))
      conditions[`kms:EncryptionContext:${name}`] = value;
  }
  for (const [name, value] of Object.entries(info.tags)) conditions[`aws:ResourceTag/${name}`] = value;
  return { action: `kms:${question.operation}`, resource: info.arn, conditions };
}

/**
 * Requires that key policy, IAM and grants together allow an operation on a key; tells which did. **Errors**: `access_denied`, recorded;
 * `DryRunOperationException` when the caller asked only whether he might.
 */
export async function authorizeKey(
  deps: KeyDeps,
  context: RequestContext,
  key: KnownKey,
  question: KeyQuestion,
  options: Pick<KeyUseOptions, 'dryRun'> = {},
): Promise<'policy' | 'grant'> {
  const request = requestFor(deps, context, key, question);
  const verdict = await decideKey(deps, context, key.policy, request, key.info.accountId);
  if (verdict.allowed || (!verdict.denied && grantAllows(key.grants, context, question))) {
    if (options.dryRun !== true) return verdict.allowed ? 'policy' : 'grant';
    throw keyFailure('DryRunOperationException', 'The request would have succeeded, but the DryRun option is set.');
  }
  throw await deps.refuse(context, {
    action: request.action,
    resource: request.resource,
    why: verdict.why,
    by: verdict.by,
  });
}

interface KeyVerdict {
  readonly allowed: boolean;
  readonly denied: boolean;
  readonly why: string;
  readonly by: readonly string[];
}

async function decideKey(
  deps: KeyDeps,
  context: RequestContext,
  document: PolicyDocument,
  request: ActionRequest,
  keyAccount: string,
): Promise<KeyVerdict> {
  const { principal } = context;
  const identity = await deps.decide(context, request);
  if (identity.reason === 'explicit_deny') {
    return {
      allowed: false,
      denied: true,
      why: `an explicit deny in ${identity.decidedBy.join(', ')}.`,
      by: identity.decidedBy,
    };
  }
  const policy = decideKeyPolicy(document, principal, request, requestValues(context, request, {}));
  if (policy.says === 'denied') {
    return { allowed: false, denied: true, why: 'an explicit deny in the key policy.', by: policy.decidedBy };
  }
  // A session that was narrowed, and a caller of another account, need their own policies to allow it as well.
  const narrowed = principal.session?.policy !== undefined || principal.session?.policyArns !== undefined;
  const alone = policy.says === 'direct' && !narrowed && principal.accountId === keyAccount;
  const both = policy.says !== 'nothing' && identity.allowed;
  if (alone || both) return { allowed: true, denied: false, why: '', by: policy.decidedBy };
  const why =
    policy.says === 'nothing'
      ? `neither the key policy nor a grant allows ${request.action}.`
      : `no identity-based policy allows ${request.action}. Attach one that does, or name the caller in the key policy.`;
  return { allowed: false, denied: false, why, by: ['implicit_deny'] };
}

/** Whether a policy leaves its author able to change it again. */
export async function keepsControl(
  deps: KeyDeps,
  context: RequestContext,
  document: PolicyDocument,
  arn: string,
): Promise<boolean> {
  const request = { action: 'kms:PutKeyPolicy', resource: arn, conditions: { 'kms:CallerAccount': context.accountId } };
  return (await decideKey(deps, context, document, request, context.accountId)).allowed;
}

function grantAllows(grants: readonly KeyGrant[], context: RequestContext, question: KeyQuestion): boolean {
  const { arn, session } = context.principal;
  const allowed = grants.some(
    (grant) =>
      (grant.grantee === arn || grant.grantee === session?.roleArn) &&
      grant.operations.includes(question.operation) &&
      constraintsHold(grant.constraints, question.encryptionContext),
  );
  // A grant says nothing of sessions that were narrowed: their own policy must name the operation, and did not.
  return allowed && session?.policy === undefined && session?.policyArns === undefined;
}

function constraintsHold(constraints: KeyGrant['constraints'], context: EncryptionContext = {}): boolean {
  if (constraints === undefined) return true;
  const { equals, subset } = constraints;
  const holds = (wanted: EncryptionContext) => Object.entries(wanted).every(([name, value]) => context[name] === value);
  if (equals !== undefined) return holds(equals) && Object.keys(equals).length === Object.keys(context).length;
  return subset === undefined || holds(subset);
}
