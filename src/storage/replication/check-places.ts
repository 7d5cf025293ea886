/**
 * Whether a replication configuration can stand: its bucket, its role, its destinations.
 * **Source**: S3 API Reference, "PutBucketReplication"; S3 User Guide, "Requirements for replication".
 */
import type { RequestContext } from '../../core/caller.ts';
import { isLochError, LochError } from '../../core/errors.ts';
import type { Identities, Policy } from '../../governance/contract.ts';
import type { BucketInfo, ObjectStore } from '../contract.ts';
import type { ReplicationConfiguration, ReplicationRule } from './configuration.ts';
import { parseDestination } from './destination.ts';

interface PlaceDeps {
  readonly policy: Policy;
  readonly objects: Pick<ObjectStore, 'bucket'>;
  readonly identities?: Pick<Identities, 'principal'>;
}

const invalid = (message: string): LochError =>
  new LochError('invalid_argument', message, { context: { s3_code: 'InvalidRequest' } });

/** **Errors**: `invalid_argument` (InvalidRequest); `access_denied` for who may not hand the role on. */
export async function checkReplicationPlaces(
  deps: PlaceDeps,
  context: RequestContext,
  bucket: string,
  { role, rules }: ReplicationConfiguration,
): Promise<undefined> {
  const source = await deps.objects.bucket(bucket);
  if (source.versioning !== 'Enabled') {
    throw invalid("Versioning must be 'Enabled' on the bucket to apply a replication configuration");
  }
  await deps.policy.authorize(context, { action: 'iam:PassRole', resource: role });
  if (
    !role.startsWith(`arn:aws:iam::${source.ownerAccountId}:`) ||
    (await deps.identities?.principal(role)) === undefined
  ) {
    throw new LochError('invalid_argument', `The role \`${role}\` does not exist in the account of the bucket.`);
  }
  for (const rule of rules) await checkDestination(deps, source, rule);
}

async function checkDestination(deps: PlaceDeps, source: BucketInfo, rule: ReplicationRule): Promise<void> {
  const to = parseDestination(rule.destination.bucket);
  if (to.kind === 'remote') {
    if (rule.destination.ownerOverride !== true) return;
    throw invalid('AccessControlTranslation is for buckets of this lake: another service does not know its accounts.');
  }
  if (to.bucket === source.name) throw invalid('Source and destination of replication must be different buckets.');
  const target = await deps.objects.bucket(to.bucket).catch((error: unknown) => {
    if (isLochError(error, 'bucket_not_found', 'invalid_bucket_name')) return undefined;
    throw error;
  });
  if (target === undefined) throw invalid('Destination bucket must exist.');
  if (target.versioning !== 'Enabled') throw invalid('Destination bucket must have versioning enabled.');
  if (source.objectLock === true && target.objectLock !== true) {
    throw invalid('Destination bucket must have object lock enabled, as its source has.');
  }
  const { account } = rule.destination;
  if (account !== undefined && account !== target.ownerAccountId) {
    throw invalid(`The destination bucket is not of the account ${account}.`);
  }
}
