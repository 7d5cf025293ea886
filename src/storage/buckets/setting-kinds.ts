/**
 * The closed list of what a bucket can be told: each kind with the schema of its value and the IAM actions that read and
 * change it. A new kind is one entry here, its XML form in the door, and nothing else.
 * **Source**: AWS Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
 */
import { z } from 'zod';
import { checkLifecycle } from '../lifecycle/check-rules.ts';
import { inventorySchema } from '../inventory/configuration.ts';
import { lifecycleSchema } from '../lifecycle/configuration.ts';
import { loggingSchema } from '../access-logs/configuration.ts';
import { checkTiering, tieringSchema } from '../tiering/configuration.ts';
import { notificationSchema, parseNotification } from '../notifications/configuration.ts';
import { checkReplication, replicationSchema } from '../replication/configuration.ts';
import { accessControlList } from './access-control-list.ts';

type S3Action = `s3:${string}`;

/** What a kind is made of. `remove` is `put` where S3 has no action of its own for it. */
interface SettingKind<Schema extends z.ZodType> {
  readonly value: Schema;
  readonly get: S3Action;
  readonly put: S3Action;
  readonly remove: S3Action;
  /** What the schema cannot say of a value. **Errors**: as S3 names them. */
  readonly check?: (value: z.infer<Schema>) => void;
}

function kind<Schema extends z.ZodType>(
  value: Schema,
  get: S3Action,
  put: S3Action,
  remove: S3Action = put,
  check?: (value: z.infer<Schema>) => void,
): SettingKind<Schema> {
  return { value, get, put, remove, ...(check === undefined ? {} : { check }) };
}

const corsRule = z.strictObject({
  id: z.string().max(255).optional(),
  allowedOrigins: z.array(z.string()).min(1),
  allowedMethods: z.array(z.enum(['GET', 'PUT', 'HEAD', 'POST', 'DELETE'])).min(1),
  allowedHeaders: z.array(z.string()),
  exposeHeaders: z.array(z.string()),
  maxAgeSeconds: z.number().int().min(0).optional(),
});

const objectLock = z.strictObject({
  defaultRetention: z
    .strictObject({
      mode: z.enum(['GOVERNANCE', 'COMPLIANCE']),
      unit: z.enum(['days', 'years']),
      count: z.number().int().min(1).max(36_500),
    })
    .optional(),
});

const accessBlock = z.strictObject({
  blockPublicAcls: z.boolean(),
  ignorePublicAcls: z.boolean(),
  blockPublicPolicy: z.boolean(),
  restrictPublicBuckets: z.boolean(),
});

/** A part of a bucket that is measured: all that is given must hold. */
const filteredSchema = z.strictObject({
  id: z.string().min(1).max(64),
  prefix: z.string().max(1024).optional(),
  tags: z.array(z.strictObject({ key: z.string(), value: z.string() })).optional(),
  /** Absent: there is no filter at all. */
  filtered: z.boolean(),
});

const website = z.strictObject({
  indexSuffix: z.string().min(1).optional(),
  errorKey: z.string().min(1).optional(),
  redirectAllTo: z
    .strictObject({ hostName: z.string().min(1), protocol: z.enum(['http', 'https']).optional() })
    .optional(),
  /** Routing rules as the document said them: they are kept, nothing is served by them. */
  routingRules: z.array(z.record(z.string(), z.unknown())).optional(),
});

/** Every kind of setting. The kinds whose value is `never` cannot be set yet; reading them answers that they are not. */
export const SETTING_KINDS = {
  /** The bucket policy as it was given. */
  policy: kind(
    z.strictObject({ text: z.string() }),
    's3:GetBucketPolicy',
    's3:PutBucketPolicy',
    's3:DeleteBucketPolicy',
  ),
  acl: kind(accessControlList, 's3:GetBucketAcl', 's3:PutBucketAcl'),
  publicAccessBlock: kind(accessBlock, 's3:GetBucketPublicAccessBlock', 's3:PutBucketPublicAccessBlock'),
  /** Of an account, for all its buckets. */
  accountPublicAccessBlock: kind(accessBlock, 's3:GetAccountPublicAccessBlock', 's3:PutAccountPublicAccessBlock'),
  ownership: kind(
    z.strictObject({ objectOwnership: z.enum(['BucketOwnerEnforced', 'BucketOwnerPreferred', 'ObjectWriter']) }),
    's3:GetBucketOwnershipControls',
    's3:PutBucketOwnershipControls',
  ),
  cors: kind(z.strictObject({ rules: z.array(corsRule).min(1).max(100) }), 's3:GetBucketCORS', 's3:PutBucketCORS'),
  tagging: kind(
    z.strictObject({ tags: z.record(z.string().min(1).max(128), z.string().max(256)) }),
    's3:GetBucketTagging',
    's3:PutBucketTagging',
  ),
  website: kind(website, 's3:GetBucketWebsite', 's3:PutBucketWebsite', 's3:DeleteBucketWebsite'),
  requestPayment: kind(
    z.strictObject({ payer: z.enum(['BucketOwner', 'Requester']) }),
    's3:GetBucketRequestPayment',
    's3:PutBucketRequestPayment',
  ),
  /** Whether the bucket's tags decide who may. */
  abac: kind(z.strictObject({ status: z.enum(['Enabled', 'Disabled']) }), 's3:GetBucketAbac', 's3:PutBucketAbac'),
  accelerate: kind(
    z.strictObject({ status: z.literal('Suspended') }),
    's3:GetAccelerateConfiguration',
    's3:PutAccelerateConfiguration',
  ),
  lifecycle: kind(
    lifecycleSchema,
    's3:GetLifecycleConfiguration',
    's3:PutLifecycleConfiguration',
    's3:PutLifecycleConfiguration',
    checkLifecycle,
  ),
  encryption: kind(
    z.strictObject({
      algorithm: z.enum(['AES256', 'aws:kms']),
      keyId: z.string().min(1).max(2048).optional(),
      bucketKey: z.boolean().optional(),
    }),
    's3:GetEncryptionConfiguration',
    's3:PutEncryptionConfiguration',
  ),
  /** How long versions are kept that do not say it themselves. That versions may be locked is a fact of the bucket. */
  objectLock: kind(objectLock, 's3:GetBucketObjectLockConfiguration', 's3:PutBucketObjectLockConfiguration'),
  notification: kind(
    notificationSchema,
    's3:GetBucketNotification',
    's3:PutBucketNotification',
    's3:PutBucketNotification',
    (value) => void parseNotification(value),
  ),
  logging: kind(loggingSchema, 's3:GetBucketLogging', 's3:PutBucketLogging'),
  replication: kind(
    replicationSchema,
    's3:GetReplicationConfiguration',
    's3:PutReplicationConfiguration',
    's3:PutReplicationConfiguration',
    checkReplication,
  ),
  /** Many, by id. */
  inventory: kind(inventorySchema, 's3:GetInventoryConfiguration', 's3:PutInventoryConfiguration'),
  analytics: kind(filteredSchema, 's3:GetAnalyticsConfiguration', 's3:PutAnalyticsConfiguration'),
  metrics: kind(filteredSchema, 's3:GetMetricsConfiguration', 's3:PutMetricsConfiguration'),
  intelligentTiering: kind(
    tieringSchema,
    's3:GetIntelligentTieringConfiguration',
    's3:PutIntelligentTieringConfiguration',
    's3:PutIntelligentTieringConfiguration',
    checkTiering,
  ),
} as const;
