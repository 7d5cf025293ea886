import { formatArn } from '../../../core/arn.ts';
import type { RequestContext } from '../../../core/caller.ts';
import { isLochError, LochError } from '../../../core/errors.ts';
import { checkTags } from '../check-names.ts';
import type { AssumeRoleRequest, Entity, TemporaryCredentials } from '../contract.ts';
import { requestedTags } from '../entities/create-entity.ts';
import { entityOf } from '../entities/entity-of.ts';
import { parsePolicyDocument } from '../evaluate/policy-document.ts';
import { requestValues } from '../evaluate/request-values.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { checkPolicyExists } from '../policies/managed-policy.ts';
import { decideTrust } from './decide-trust.ts';
import { newTemporaryCredentials } from './session-token.ts';

const MIN_SECONDS = 900;
const DEFAULT_SECONDS = 3_600;
/** A role that was taken by a role lasts an hour at most. */
const MAX_CHAINED_SECONDS = 3_600;
const MAX_POLICY_CHARACTERS = 2_048;
const MAX_POLICY_ARNS = 10;

/** Gives the caller credentials of a role whose trust policy names him. */
export async function assumeRole(
  deps: IdentityDeps,
  context: RequestContext,
  request: AssumeRoleRequest,
): Promise<TemporaryCredentials> {
  await checkRequest(deps, context, request);
  const role = await findRole(deps, context, request.roleArn);
  const conditions = conditionsOf(request);
  await authorizeTrusted(deps, context, role, 'sts:AssumeRole', conditions);
  if (request.tags !== undefined) await authorizeTrusted(deps, context, role, 'sts:TagSession', conditions);
  if (request.sourceIdentity !== undefined) {
    await authorizeTrusted(deps, context, role, 'sts:SetSourceIdentity', conditions);
  }
  const seconds = sessionSeconds(context, role, request.durationSeconds);
  const { sessionName, policy, policyArns, tags } = request;
  const sourceIdentity = request.sourceIdentity ?? context.principal.session?.sourceIdentity;
  const issuedAt = deps.clock.now();
  const session = {
    issuedAt,
    expiresAt: issuedAt + seconds * 1000,
    roleArn: role.arn,
    ...(policy === undefined ? {} : { policy }),
    ...(policyArns === undefined ? {} : { policyArns }),
    ...(tags === undefined ? {} : { tags }),
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
  };
  const owner = { accountId: context.accountId, ownerId: role.id, sessionName, session };
  return newTemporaryCredentials(deps.sealer, owner, {
    arn: assumedRoleArn(context.accountId, role.name, sessionName),
    id: `${role.id}:${sessionName}`,
  });
}

/** `arn:aws:sts::<account>:assumed-role/<role>/<session>`: who a role's session signs as. */
export const assumedRoleArn = (accountId: string, role: string, sessionName: string): string =>
  formatArn({ service: 'sts', region: '', accountId, resource: `assumed-role/${role}/${sessionName}` });

async function checkRequest(deps: IdentityDeps, context: RequestContext, request: AssumeRoleRequest): Promise<void> {
  const { sessionName, externalId, policy, policyArns, tags, sourceIdentity } = request;
  checkText('RoleSessionName', sessionName, /^[\w+=,.@-]{2,64}$/, '2 to 64 characters of A-Z, a-z, 0-9 and _+=,.@-');
  if (externalId !== undefined) {
    checkText(
      'ExternalId',
      externalId,
      /^[\w+=,.@:/-]{2,1224}$/,
      '2 to 1224 characters of A-Z, a-z, 0-9 and _+=,.@:/-',
    );
  }
  if (sourceIdentity !== undefined) {
    checkText(
      'SourceIdentity',
      sourceIdentity,
      /^[\w+=,.@-]{2,64}$/,
      '2 to 64 characters of A-Z, a-z, 0-9 and _+=,.@-',
    );
  }
  if (tags !== undefined) checkTags(tags, deps.quotas.tags);
  if (policy !== undefined) {
    checkText('Policy', policy, /^.{1,2048}$/su, `at most ${MAX_POLICY_CHARACTERS} characters`);
    parsePolicyDocument(policy, 'identity');
  }
  if ((policyArns?.length ?? 0) > MAX_POLICY_ARNS) {
    throw new LochError(
      'invalid_argument',
      `PolicyArns has ${policyArns!.length} entries; give at most ${MAX_POLICY_ARNS}.`,
    );
  }
  for (const arn of policyArns ?? []) await checkPolicyExists(deps, context, arn);
}

function checkText(name: string, value: string, pattern: RegExp, expected: string): void {
  if (!pattern.test(value)) throw new LochError('invalid_argument', `${name} must be ${expected}.`);
}

function conditionsOf(request: AssumeRoleRequest): Record<string, string | readonly string[]> {
  const conditions: Record<string, string | readonly string[]> = { 'sts:RoleSessionName': request.sessionName };
  if (request.externalId !== undefined) conditions['sts:ExternalId'] = request.externalId;
  if (request.sourceIdentity !== undefined) conditions['sts:SourceIdentity'] = request.sourceIdentity;
  return request.tags === undefined ? conditions : { ...conditions, ...requestedTags(request.tags) };
}

/** The role, or the same refusal as for one that does not trust the caller. */
async function findRole(deps: IdentityDeps, context: RequestContext, arn: string): Promise<Entity> {
  const [, account, name] = /^arn:aws:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
  if (account === undefined || name === undefined) {
    throw new LochError(
      'invalid_argument',
      `RoleArn \`${arn}\` is no ARN of a role, such as arn:aws:iam::<account>:role/<name>.`,
    );
  }
  try {
    const role = entityOf(await deps.store.read(procedures.entity, { account, kind: 'role', name }));
    if (role.arn === arn && account === context.accountId) return role;
  } catch (error) {
    if (!isLochError(error, 'not_found')) throw error;
  }
  throw refused(context, 'sts:AssumeRole', arn);
}

async function authorizeTrusted(
  deps: IdentityDeps,
  context: RequestContext,
  role: Entity,
  action: string,
  conditions: Readonly<Record<string, string | readonly string[]>>,
): Promise<void> {
  const request = { action, resource: role.arn, conditions };
  const { principal } = context;
  const document = parsePolicyDocument(role.trustPolicy ?? '', 'trust');
  const trust = decideTrust(document, principal, request, requestValues(context, request, {}));
  if (trust === 'denied') throw refused(context, action, role.arn);
  if (trust === 'account') return deps.policy().authorize(context, request);
  const decision = await deps.policy().decide(context, request);
  if (decision.reason === 'explicit_deny') await deps.policy().authorize(context, request);
}

function refused(context: RequestContext, action: string, arn: string): LochError {
  return new LochError(
    'access_denied',
    `${context.principal.arn} is not authorized to perform ${action} on ${arn}: the role does not exist, or its trust policy does not name the caller.`,
  );
}

function sessionSeconds(context: RequestContext, role: Entity, asked: number | undefined): number {
  const chained = context.principal.session?.roleArn !== undefined;
  const longest = chained ? MAX_CHAINED_SECONDS : (role.maxSessionSeconds ?? DEFAULT_SECONDS);
  const seconds = asked ?? DEFAULT_SECONDS;
  if (Number.isInteger(seconds) && seconds >= MIN_SECONDS && seconds <= longest) return seconds;
  throw new LochError(
    'invalid_argument',
    `DurationSeconds is ${seconds}; give ${MIN_SECONDS} to ${longest}${chained ? ', the longest session of a role taken by a role' : `, the MaxSessionDuration of the role`}.`,
  );
}
