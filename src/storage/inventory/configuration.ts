/**
 * Inventory configurations: which versions are listed, what is told of each, how often and where the lists go.
 * **Source**: Amazon S3 API Reference, "InventoryConfiguration".
 */
import { z } from 'zod';
import { LochError } from '../../core/errors.ts';

/** What a list can tell of a version beside its name, in the order of columns. */
export const INVENTORY_FIELDS = [
  'Size',
  'LastModifiedDate',
  'ETag',
  'StorageClass',
  'IsMultipartUploaded',
  'ReplicationStatus',
  'EncryptionStatus',
  'ObjectLockRetainUntilDate',
  'ObjectLockMode',
  'ObjectLockLegalHoldStatus',
  'IntelligentTieringAccessTier',
  'BucketKeyStatus',
  'ChecksumAlgorithm',
  'ObjectOwner',
] as const;

export type InventoryField = (typeof INVENTORY_FIELDS)[number];

/** Fields that S3 has and no list of ours tells. */
const UNTOLD_FIELDS: readonly unknown[] = ['ObjectAccessControlList', 'LifecycleExpirationDate'];

/** What `BucketSettings` keeps under `inventory`, one for each id. */
export const inventorySchema = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'has 1 to 64 letters, digits, dots, dashes and underscores'),
  enabled: z.boolean(),
  versions: z.enum(['All', 'Current']),
  prefix: z.string().max(1024).exactOptional(),
  fields: z.array(z.enum(INVENTORY_FIELDS)).max(INVENTORY_FIELDS.length),
  frequency: z.enum(['Daily', 'Weekly']),
  destination: z.strictObject({
    bucket: z.string().min(3).max(63),
    prefix: z.string().max(512).exactOptional(),
    accountId: z.string().exactOptional(),
    format: z.enum(['CSV', 'Parquet']),
    encryption: z
      .discriminatedUnion('algorithm', [
        z.strictObject({ algorithm: z.literal('AES256') }),
        z.strictObject({ algorithm: z.literal('aws:kms'), keyId: z.string().min(1).max(2048) }),
      ])
      .exactOptional(),
  }),
});

export type InventoryConfiguration = z.infer<typeof inventorySchema>;

/** The configuration, if it is one. **Errors**: `malformed_request`; `unsupported` for ORC and for fields not told. */
export function parseInventory(configuration: {
  readonly fields: readonly unknown[];
  readonly destination: { readonly format: unknown; readonly [name: string]: unknown };
  readonly [name: string]: unknown;
}): InventoryConfiguration {
  const untold = configuration.fields.find((field) => UNTOLD_FIELDS.includes(field));
  if (untold !== undefined) {
    throw new LochError(
      'unsupported',
      `Inventory lists do not tell \`${untold}\`. They tell ${INVENTORY_FIELDS.join(', ')}.`,
    );
  }
  if (configuration.destination.format === 'ORC') {
    throw new LochError('unsupported', 'Inventory lists in ORC are not supported: choose CSV or Parquet.');
  }
  const parsed = inventorySchema.safeParse(configuration);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const at = issue.path.join('.');
  throw new LochError('malformed_request', `The inventory configuration at ${at}: ${issue.message}.`, {
    context: { at },
  });
}
