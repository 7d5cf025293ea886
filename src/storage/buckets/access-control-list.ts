import { z } from 'zod';

const accountId = z.string().regex(/^\d{12}$/);

/** Schema of an access control list of a bucket or an object; accounts are kept by their id. */
export const accessControlList = z.strictObject({
  ownerAccountId: accountId,
  grants: z
    .array(
      z.strictObject({
        grantee: z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('account'), accountId }),
          z.strictObject({
            kind: z.literal('group'),
            group: z.enum(['AllUsers', 'AuthenticatedUsers', 'LogDelivery']),
          }),
        ]),
        permission: z.enum(['FULL_CONTROL', 'READ', 'WRITE', 'READ_ACP', 'WRITE_ACP']),
      }),
    )
    .max(100),
});
