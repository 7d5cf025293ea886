import type { Principal, RequestContext } from '../../../core/caller.ts';
import { LochError } from '../../../core/errors.ts';
import type { ServiceRoleRequest, TemporaryCredentials } from '../contract.ts';
import { entityOf } from '../entities/entity-of.ts';
import { parsePolicyDocument } from '../evaluate/policy-document.ts';
import { requestValues } from '../evaluate/request-values.ts';
import { type IdentityDeps, procedures } from '../identity-deps.ts';
import { assumedRoleArn } from './assume-role.ts';
import { decideTrust } from './decide-trust.ts';
import { newTemporaryCredentials } from './session-token.ts';

const MIN_SECONDS = 900;
const MAX_SECONDS = 43_200;

/**
 * Credentials of a role that trusts a service of the lake, narrowed by a policy, for somebody whom the service serves.
 * **Errors**: `access_denied` when the role is not there or does not trust the service; `invalid_argument`.
 */
export async function serveRole(
  deps: IdentityDeps,
  context: RequestContext,
  request: ServiceRoleRequest,
): Promise<TemporaryCredentials> {
  const { service, roleArn, sessionName, policy, durationSeconds } = request;
  if (!Number.isInteger(durationSeconds) || durationSeconds < MIN_SECONDS || durationSeconds > MAX_SECONDS) {
    throw new LochError(
      'invalid_argument',
      `DurationSeconds is ${durationSeconds}; give ${MIN_SECONDS} to ${MAX_SECONDS}.`,
    );
  }
  parsePolicyDocument(policy, 'identity');
  const [, account = '', name = ''] = /^arn:aws:iam::(\d{12}):role\/(?:.*\/)?([^/]+)$/.exec(roleArn) ?? [];
  const role = entityOf(await deps.store.read(procedures.entity, { account, kind: 'role', name }));
  const caller: Principal = { kind: 'service', arn: service, id: service, name: service, accountId: account };
  const asked = { action: 'sts:AssumeRole', resource: role.arn };
  const trust = parsePolicyDocument(role.trustPolicy ?? '', 'trust');
  const values = requestValues({ ...context, principal: caller }, asked, {});
  if (role.arn !== roleArn || decideTrust(trust, caller, asked, values) !== 'direct') {
    throw new LochError('access_denied', `The role ${roleArn} does not trust ${service}.`, {
      context: { role: roleArn },
    });
  }
  const issuedAt = deps.clock.now();
  const expiresAt = issuedAt + durationSeconds * 1000;
  const session = { issuedAt, expiresAt, roleArn: role.arn, policy, sourceIdentity: request.sourceIdentity };
  return newTemporaryCredentials(
    deps.sealer,
    { accountId: account, ownerId: role.id, sessionName, session },
    { arn: assumedRoleArn(account, role.name, sessionName), id: `${role.id}:${sessionName}` },
  );
}
