import type { AwsServiceDoor } from '../service.ts';

/** The STS door: who am I. */
export function stsService(): AwsServiceDoor {
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
    },
    errors: {},
  };
}
