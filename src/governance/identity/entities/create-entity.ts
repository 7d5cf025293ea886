import type { RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import { newUniqueId } from '../../../core/ids.ts';
import { checkName, checkPath, checkTags } from '../check-names.ts';
import type { Entity, EntityKind, NewEntity } from '../contract.ts';
import { parsePolicyDocument } from '../evaluate/policy-document.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { checkPolicyExists } from '../policies/managed-policy.ts';
import { entityArn, entityOf, operationOf } from './entity-of.ts';

const ID_PREFIXES = { user: 'AIDA', group: 'AGPA', role: 'AROA' } as const;
const DEFAULT_SESSION_S = 3_600;
const MAX_TRUST_CHARACTERS = 2_048;

/** Makes a user, group or role. */
export async function createEntity(
  deps: IdentityDeps,
  context: RequestContext,
  kind: EntityKind,
  input: NewEntity,
): Promise<Entity> {
  const path = input.path ?? '/';
  const tags = input.tags ?? {};
  checkName(kind, input.name);
  checkPath(path);
  checkTags(tags, deps.quotas.tags);
  if (kind === 'role') checkTrustPolicy(input.trustPolicy);
  const maxSession = kind === 'role' ? (input.maxSessionSeconds ?? DEFAULT_SESSION_S) : null;
  if (maxSession !== null) checkSessionLength(maxSession);

  await deps.policy().authorize(context, {
    action: `iam:${operationOf('Create?', kind)}`,
    resource: entityArn(context.accountId, kind, path, input.name),
    conditions: requestedTags(tags, input.boundary),
  });
  if (input.boundary !== undefined) await checkPolicyExists(deps, context, input.boundary);

  const quota = { user: deps.quotas.users, group: deps.quotas.groups, role: deps.quotas.roles }[kind];
  const row = {
    account_id: context.accountId,
    kind,
    name_key: input.name.toLowerCase(),
    name: input.name,
    path,
    id: newUniqueId(ID_PREFIXES[kind]),
    tags: JSON.stringify(tags),
    boundary: input.boundary ?? null,
    description: input.description ?? '',
    trust_policy: input.trustPolicy ?? null,
    max_session_s: maxSession,
  };
  return entityOf(await deps.store.write(procedures.createEntity, { row, quota }));
}

/** **Errors**: `malformed_policy`, `missing_argument`, `limit_exceeded`. */
export function checkTrustPolicy(document: string | undefined): void {
  if (document === undefined) throw new LochError('missing_argument', 'A role needs AssumeRolePolicyDocument.');
  if (document.replace(/\s/g, '').length > MAX_TRUST_CHARACTERS) {
    throw new LochError(
      'limit_exceeded',
      `Cannot exceed the quota of ${MAX_TRUST_CHARACTERS} characters of a trust policy.`,
    );
  }
  parsePolicyDocument(document, 'trust');
}

/** **Errors**: `invalid_argument`. */
export function checkSessionLength(seconds: number): void {
  if (!Number.isInteger(seconds) || seconds < 3_600 || seconds > 43_200) {
    throw new LochError('invalid_argument', `MaxSessionDuration is ${seconds} s; give 3600 to 43200.`);
  }
}

/** The condition keys of tags and boundary a request brings. */
export function requestedTags(tags: Readonly<Record<string, string>>, boundary?: string) {
  const conditions: Record<string, string | readonly string[]> = { 'aws:TagKeys': Object.keys(tags) };
  for (const [key, value] of Object.entries(tags)) conditions[`aws:RequestTag/${key}`] = value;
  if (boundary !== undefined) conditions['iam:PermissionsBoundary'] = boundary;
  return conditions;
}
