import type { AssumeRoleRequest, GetAccessKeyInfoRequest, GetSessionTokenRequest } from '@aws-sdk/client-sts';
import { LochError } from '../../../core/errors.ts';
import type { SessionUseCases, TemporaryCredentials } from '../../../governance/contract.ts';
import type { AwsServiceDoor } from '../service.ts';

const credentialsShape = (credentials: TemporaryCredentials) => ({
  AccessKeyId: credentials.accessKeyId,
  SecretAccessKey: credentials.secret.reveal(),
  SessionToken: credentials.sessionToken.reveal(),
  Expiration: new Date(credentials.expiresAt),
});

/** Members that change what is asked for must not be passed over in silence. */
function refuseMembers(input: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (input as Record<string, unknown>)[name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    throw new LochError('unsupported', `\`${name}\` is not supported yet. Leave it out.`, {
      context: { member: name },
    });
  }
}

const SECRETS = ['SecretAccessKey', 'SessionToken'];

/** The STS door: who am I, and temporary credentials. */
export function stsService(sessions: SessionUseCases): AwsServiceDoor {
  return {
    name: 'sts',
    signingNames: ['sts'],
    schemas: () => import('@aws-sdk/client-sts'),
    operations: {
      GetCallerIdentity: {
        readOnly: true,
        // Allowed to everyone who can sign, by AWS's rule: it tells the caller nothing he did not prove.
        run: async ({ principal }) => ({ UserId: principal.id, Account: principal.accountId, Arn: principal.arn }),
      },
      AssumeRole: {
        redact: SECRETS,
        async run(context, input: AssumeRoleRequest) {
          refuseMembers(input, ['TransitiveTagKeys', 'SerialNumber', 'TokenCode', 'ProvidedContexts']);
          const tags = input.Tags?.map((tag): [string, string] => [tag.Key ?? '', tag.Value ?? '']);
          const credentials = await sessions.assumeRole(context, {
            roleArn: input.RoleArn!,
            sessionName: input.RoleSessionName!,
            durationSeconds: input.DurationSeconds,
            externalId: input.ExternalId,
            policy: input.Policy,
            policyArns: input.PolicyArns?.map((policy) => policy.arn ?? ''),
            tags: tags && Object.fromEntries(tags),
            sourceIdentity: input.SourceIdentity,
          });
          return {
            Credentials: credentialsShape(credentials),
            AssumedRoleUser: { Arn: credentials.principalArn, AssumedRoleId: credentials.principalId },
            ...(input.SourceIdentity === undefined ? {} : { SourceIdentity: input.SourceIdentity }),
          };
        },
        partial:
          'no MFA, no transitive tags, no provided contexts: each is refused by name; roles of the own account only',
      },
      GetSessionToken: {
        redact: SECRETS,
        async run(context, input: GetSessionTokenRequest) {
          refuseMembers(input, ['SerialNumber', 'TokenCode']);
          return { Credentials: credentialsShape(await sessions.getSessionToken(context, input.DurationSeconds)) };
        },
        partial: 'no MFA: SerialNumber and TokenCode are refused by name',
      },
      GetAccessKeyInfo: {
        readOnly: true,
        async run(context, input: GetAccessKeyInfoRequest) {
          return { Account: await sessions.accessKeyAccount(context, input.AccessKeyId!) };
        },
        partial: 'long-term keys only',
      },
    },
    errors: { malformed_policy: 'MalformedPolicyDocumentException', not_found: 'ValidationError' },
  };
}
