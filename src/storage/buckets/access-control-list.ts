import { z } from 'zod';
import type { AccessControlList } from '../versions.ts';

/** Schema of an access control list of a bucket or an object; accounts stand in it by their canonical ids. */
export const accessControlList: z.ZodType<AccessControlList> = z.strictObject({
  owner: z.string(),
  grants: z
    .array(
      z.strictObject({
        grantee: z.discriminatedUnion('type', [
          z.strictObject({ type: z.literal('CanonicalUser'), id: z.string(), displayName: z.string().exactOptional() }),
          z.strictObject({ type: z.literal('Group'), uri: z.string() }),
        ]),
        permission: z.enum(['FULL_CONTROL', 'READ', 'WRITE', 'READ_ACP', 'WRITE_ACP']),
      }),
    )
    .max(100),
});
