/**
 * How a bucket is replicated: the form, and what S3 requires of it before anybody looks at other buckets.
 * **Source**: Amazon S3 API Reference, "PutBucketReplication"; S3 User Guide, "Replication configuration file elements".
 */
import { z } from 'zod';
import { LochError } from '../../core/errors.ts';

const MAX_ID = 255;
const MAX_PREFIX_BYTES = 1024;

const destination = z.strictObject({
  /** ARN of a bucket here, or `arn:loch:s3:REGION:ACCOUNT:CONNECTION/BUCKET` of one in another service. */
  bucket: z.string().min(1),
  account: z
    .string()
    .regex(/^\d{12}$/)
    .optional(),
  /** Absent: that of the source. */
  storageClass: z.string().optional(),
  /** Replicas belong to the destination's owner. */
  ownerOverride: z.boolean().optional(),
  kmsKeyId: z.string().optional(),
  /** Replication time control. */
  timeControl: z.boolean().optional(),
  metrics: z.boolean().optional(),
});

const rule = z.strictObject({
  id: z.string(),
  enabled: z.boolean(),
  /** Absent in the first form of rules, which has a prefix and no filter. */
  priority: z.number().int().min(0).max(2_147_483_647).optional(),
  prefix: z.string().optional(),
  tags: z.array(z.strictObject({ key: z.string(), value: z.string() })).optional(),
  /** Absent: it was not said, which only the first form of rules may do. */
  deleteMarkers: z.boolean().optional(),
  existingObjects: z.boolean().optional(),
  /** Objects under KMS keys. */
  kms: z.boolean().optional(),
  /** Changes of tags, lists and locks of replicas go back to where they came from. */
  replicaModifications: z.boolean().optional(),
  destination,
});

/** What `BucketSettings` keeps under `replication`. */
export const replicationSchema = z.strictObject({ role: z.string().min(1), rules: z.array(rule).min(1).max(1000) });

export type ReplicationConfiguration = z.infer<typeof replicationSchema>;
export type ReplicationRule = ReplicationConfiguration['rules'][number];

const invalid = (message: string): LochError =>
  new LochError('invalid_argument', message, { context: { s3_code: 'InvalidRequest' } });
const argument = (message: string): LochError => new LochError('invalid_argument', message);

/** Whether a rule is of the second form: with a filter, a priority and its own word on delete markers. */
export const isFiltered = (rule: ReplicationRule): boolean => rule.priority !== undefined;

/** Whether a rule replicates delete markers: the first form of rules always does. */
export const replicatesMarkers = (rule: ReplicationRule): boolean => rule.deleteMarkers ?? !isFiltered(rule);

/** **Errors**: `invalid_argument` (InvalidRequest, InvalidArgument) as S3 names them. */
export function checkReplication({ role, rules }: ReplicationConfiguration): void {
  if (!/^arn:aws:iam::\d{12}:role\/.+/.test(role)) throw argument(`\`${role}\` is no ARN of an IAM role.`);
  const ids = new Set<string>();
  const priorities = new Set<number>();
  if (new Set(rules.map(isFiltered)).size > 1) {
    throw invalid('Rules with a Filter and rules with a Prefix of their own cannot be mixed in one configuration.');
  }
  for (const each of rules) {
    if (each.id.length > MAX_ID) throw argument(`The ID of a rule has at most ${MAX_ID} characters.`);
    if (ids.has(each.id)) throw argument(`Rule Id must be unique. Found the same Id \`${each.id}\` for several rules.`);
    ids.add(each.id);
    if (Buffer.byteLength(each.prefix ?? '') > MAX_PREFIX_BYTES) {
      throw argument(`The prefix of a rule has at most ${MAX_PREFIX_BYTES} bytes.`);
    }
    checkRule(each);
    if (each.priority === undefined) continue;
    if (priorities.has(each.priority)) throw invalid(`Found duplicate priority ${each.priority}.`);
    priorities.add(each.priority);
  }
  if (!isFiltered(rules[0]!) && new Set(rules.map((each) => each.destination.bucket)).size > 1) {
    throw invalid(
      'Rules with a Prefix of their own have one destination for all of them. Use a Filter and a Priority.',
    );
  }
}

function checkRule(each: ReplicationRule): void {
  const { destination: to } = each;
  if (isFiltered(each) && each.deleteMarkers === undefined) {
    throw invalid('DeleteMarkerReplication must be specified for a rule with a Filter.');
  }
  if (each.deleteMarkers === true && (each.tags?.length ?? 0) > 0) {
    throw invalid('Delete marker replication is not supported if any Tag filter is specified.');
  }
  if (each.existingObjects === true) {
    throw invalid(
      'ExistingObjectReplication is not for everybody at AWS, and not here. Replicate what is there by a batch job (S3ReplicateObject).',
    );
  }
  if (each.kms === true && to.kmsKeyId === undefined) {
    throw invalid('ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects is enabled.');
  }
  if (to.kmsKeyId !== undefined && each.kms !== true) {
    throw invalid('SseKmsEncryptedObjects must be enabled if a ReplicaKmsKeyID is specified.');
  }
  if (to.ownerOverride === true && to.account === undefined) {
    throw invalid('Account must be specified if AccessControlTranslation is.');
  }
  if (to.timeControl === true && to.metrics !== true) {
    throw invalid('Metrics must be enabled if ReplicationTime is.');
  }
}
