/**
 * Batch jobs as S3 Control words them.
 * **Source**: Amazon S3 Control API Reference, "CreateJob", "JobOperation", "JobManifest".
 */
import type {
  CreateJobRequest,
  JobManifest,
  JobManifestGenerator,
  JobOperation,
  S3CopyObjectOperation,
  S3Grant,
  S3Tag,
} from '@aws-sdk/client-s3-control';
import { LochError } from '../../../core/errors.ts';
import type { AclRequest, BatchManifest, BatchOperation, NewBatchJob } from '../../../storage/contract.ts';

const invalid = (message: string): LochError =>
  new LochError('invalid_argument', message, { context: { s3_code: 'InvalidRequest' } });
const unsupported = (what: string, instead: string): LochError =>
  new LochError('unsupported', `${what} is not supported by Loch. ${instead}`, { context: { member: what } });

const given = <K extends string, V>(name: K, value: V | undefined): { readonly [N in K]?: V } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [N in K]?: V };

/** Tags of a job or of objects. */
export const tagsOf = (tags: readonly S3Tag[] | undefined): Record<string, string> =>
  Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));

/** The bucket of an ARN. **Errors**: `invalid_argument`. */
function bucketOf(arn: string | undefined, member: string): string {
  const bucket = /^arn:aws:s3:::([^/:*?]+)$/.exec(arn ?? '')?.[1];
  if (bucket !== undefined) return bucket;
  throw invalid(`\`${member}\` is the ARN of a bucket, arn:aws:s3:::BUCKET, not \`${arn ?? ''}\`.`);
}

function objectOf(arn: string | undefined): { readonly bucket: string; readonly key: string } {
  const [, bucket, key] = /^arn:aws:s3:::([^/]+)\/(.+)$/s.exec(arn ?? '') ?? [];
  if (bucket !== undefined && key !== undefined) return { bucket, key };
  throw invalid(`\`ObjectArn\` is the ARN of an object, arn:aws:s3:::BUCKET/KEY, not \`${arn ?? ''}\`.`);
}

function grantsOf(grants: readonly S3Grant[] | undefined): Extract<AclRequest, { grants: unknown }>['grants'] {
  return (grants ?? []).map(({ Grantee, Permission }) => {
    if (Grantee?.TypeIdentifier === 'emailAddress') {
      throw unsupported('A grantee by emailAddress', 'Name his canonical id.');
    }
    const known = ['FULL_CONTROL', 'READ', 'WRITE', 'READ_ACP', 'WRITE_ACP'] as const;
    const permission = known.find((each) => each === Permission);
    if (permission === undefined)
      throw invalid(`\`Permission\` is \`${Permission ?? ''}\`. Known: ${known.join(', ')}.`);
    const id = Grantee?.Identifier ?? '';
    return Grantee?.TypeIdentifier === 'uri'
      ? { grantee: { type: 'Group' as const, uri: id }, permission }
      : { grantee: { type: 'CanonicalUser' as const, id }, permission };
  });
}

function copyOf(copy: S3CopyObjectOperation): BatchOperation {
  const { NewObjectMetadata: facts } = copy;
  if (copy.RedirectLocation !== undefined) throw unsupported('RedirectLocation', 'Leave it out.');
  if (copy.RequesterPays !== undefined) throw unsupported('RequesterPays', 'Leave it out.');
  const retention =
    copy.ObjectLockMode === undefined || copy.ObjectLockRetainUntilDate === undefined
      ? undefined
      : { mode: copy.ObjectLockMode, until: copy.ObjectLockRetainUntilDate.getTime() };
  const headers = {
    ...given('content-encoding', facts?.ContentEncoding),
    ...given('cache-control', facts?.CacheControl),
    ...given('content-disposition', facts?.ContentDisposition),
    ...given('content-language', facts?.ContentLanguage),
    ...given('expires', facts?.HttpExpiresDate?.toUTCString()),
  };
  const sealed =
    copy.SSEAwsKmsKeyId !== undefined
      ? { algorithm: 'aws:kms' as const, key: copy.SSEAwsKmsKeyId, ...given('bucketKey', copy.BucketKeyEnabled) }
      : facts?.SSEAlgorithm === 'AES256'
        ? { algorithm: 'AES256' as const }
        : facts?.SSEAlgorithm === 'KMS'
          ? { algorithm: 'aws:kms' as const }
          : undefined;
  const algorithm = copy.ChecksumAlgorithm?.toLowerCase();
  if (algorithm !== undefined && !['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'].includes(algorithm)) {
    throw unsupported(`ChecksumAlgorithm ${copy.ChecksumAlgorithm}`, 'Known: CRC32, CRC32C, CRC64NVME, SHA1, SHA256.');
  }
  return {
    kind: 'copy',
    bucket: bucketOf(copy.TargetResource, 'TargetResource'),
    ...given('folder', copy.TargetKeyPrefix),
    options: {
      attributes: {
        ...given('tags', copy.NewObjectTagging === undefined ? undefined : tagsOf(copy.NewObjectTagging)),
        ...given('storageClass', copy.StorageClass === 'STANDARD' ? undefined : copy.StorageClass),
        ...given('retention', retention),
        ...given(
          'legalHold',
          copy.ObjectLockLegalHoldStatus === undefined ? undefined : copy.ObjectLockLegalHoldStatus === 'ON',
        ),
      },
      ...given('metadata', facts?.UserMetadata),
      ...given('contentType', facts?.ContentType),
      ...(facts === undefined ? {} : { headers: headers as Record<string, string> }),
      ...given('encryption', sealed),
      ...given('checksumAlgorithms', algorithm === undefined ? undefined : [algorithm as 'crc32']),
      ...given(
        'acl',
        copy.CannedAccessControlList !== undefined
          ? ({ canned: copy.CannedAccessControlList } as AclRequest)
          : copy.AccessControlGrants === undefined
            ? undefined
            : { grants: grantsOf(copy.AccessControlGrants) },
      ),
    },
    onlyIf: {
      ...given('modifiedSince', copy.ModifiedSinceConstraint?.getTime()),
      ...given('unmodifiedSince', copy.UnModifiedSinceConstraint?.getTime()),
    },
  };
}

/** What each operation becomes. */
const OPERATIONS: {
  readonly [K in keyof JobOperation]-?: (value: NonNullable<JobOperation[K]>) => BatchOperation;
} = {
  LambdaInvoke: () => {
    throw unsupported('LambdaInvoke', 'There are no functions here; see CreateJob for the other operations.');
  },
  S3UpdateObjectEncryption: () => {
    throw unsupported('S3UpdateObjectEncryption', 'Copy the objects onto themselves with SSEAwsKmsKeyId instead.');
  },
  S3PutObjectCopy: copyOf,
  S3PutObjectTagging: ({ TagSet }) => ({ kind: 'putTags', tags: tagsOf(TagSet) }),
  S3DeleteObjectTagging: () => ({ kind: 'deleteTags' }),
  S3ReplicateObject: () => ({ kind: 'replicate' }),
  S3PutObjectAcl: ({ AccessControlPolicy }) => {
    const { CannedAccessControlList: canned, AccessControlList: list } = AccessControlPolicy ?? {};
    if (canned !== undefined) return { kind: 'putAcl', acl: { canned } as AclRequest };
    return { kind: 'putAcl', acl: { grants: grantsOf(list?.Grants), ...given('owner', list?.Owner?.ID) } };
  },
  S3InitiateRestoreObject: ({ ExpirationInDays }) => ({ kind: 'restore', ...given('days', ExpirationInDays) }),
  S3PutObjectLegalHold: ({ LegalHold }) => ({ kind: 'legalHold', on: LegalHold?.Status === 'ON' }),
  S3PutObjectRetention: ({ Retention, BypassGovernanceRetention }) => ({
    kind: 'retention',
    ...given(
      'retention',
      Retention?.Mode === undefined
        ? undefined
        : { mode: Retention.Mode, until: Retention.RetainUntilDate?.getTime() ?? Number.NaN },
    ),
    bypassGovernance: BypassGovernanceRetention === true,
  }),
  S3ComputeObjectChecksum: ({ ChecksumAlgorithm = 'CRC64NVME', ChecksumType = 'FULL_OBJECT' }) => {
    if (ChecksumType !== 'FULL_OBJECT') throw unsupported(`ChecksumType ${ChecksumType}`, 'Known: FULL_OBJECT.');
    const known = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256', 'md5'] as const;
    const algorithm = known.find((each) => each.toUpperCase() === ChecksumAlgorithm);
    if (algorithm !== undefined) return { kind: 'checksum', algorithm };
    throw unsupported(`ChecksumAlgorithm ${ChecksumAlgorithm}`, `Known: ${known.join(', ').toUpperCase()}.`);
  },
};

/** **Errors**: `invalid_argument` unless it is one operation; `unsupported` naming it. */
function operationOf(operation: JobOperation | undefined): BatchOperation {
  const named = Object.entries(operation ?? {}).filter(([, value]) => value !== undefined);
  const [only, more] = named;
  if (only === undefined || more !== undefined) throw invalid('A job has exactly one Operation.');
  const read = Object.hasOwn(OPERATIONS, only[0]) ? OPERATIONS[only[0] as keyof JobOperation] : undefined;
  if (read === undefined) throw unsupported(only[0], `Known: ${Object.keys(OPERATIONS).join(', ')}.`);
  return read(only[1] as never);
}

const CSV = 'S3BatchOperations_CSV_20180820';
const INVENTORY = 'S3InventoryReport_CSV_20161130';

function manifestOf(manifest: JobManifest | undefined, generator: JobManifestGenerator | undefined): BatchManifest {
  if ((manifest === undefined) === (generator === undefined)) {
    throw invalid('A job has a Manifest or a ManifestGenerator, and not both.');
  }
  if (manifest === undefined) return generatedOf(generator!);
  const { Location, Spec } = manifest;
  const at = {
    object: objectOf(Location?.ObjectArn),
    ...given('versionId', Location?.ObjectVersionId),
    etag: Location?.ETag ?? '',
  };
  if (Spec?.Format === INVENTORY) return { kind: 'inventory', ...at };
  if (Spec?.Format !== CSV) throw invalid(`The Format of a manifest is ${CSV} or ${INVENTORY}.`);
  const known = ['Bucket', 'Key', 'VersionId', 'Ignore'] as const;
  const fields = (Spec.Fields ?? []).map((field) => {
    const found = known.find((each) => each === field);
    if (found === undefined) throw invalid(`\`${field}\` is no field of a manifest. Known: ${known.join(', ')}.`);
    return found;
  });
  return { kind: 'csv', ...at, fields };
}

function generatedOf(generator: JobManifestGenerator): BatchManifest {
  const { S3JobManifestGenerator: of } = generator;
  if (of === undefined) throw invalid('A ManifestGenerator holds an S3JobManifestGenerator.');
  if (of.EnableManifestOutput === true) {
    throw unsupported('EnableManifestOutput', 'The completion report names every object.');
  }
  const { Filter = {} } = of;
  if (Filter.MatchAnyObjectEncryption !== undefined) throw unsupported('MatchAnyObjectEncryption', 'Leave it out.');
  const { KeyNameConstraint: names } = Filter;
  return {
    kind: 'generated',
    bucket: bucketOf(of.SourceBucket, 'SourceBucket'),
    filter: {
      ...given('eligibleForReplication', Filter.EligibleForReplication),
      ...given('createdAfter', Filter.CreatedAfter?.getTime()),
      ...given('createdBefore', Filter.CreatedBefore?.getTime()),
      ...given('replicationStatuses', Filter.ObjectReplicationStatuses),
      ...given('prefixes', names?.MatchAnyPrefix),
      ...given('suffixes', names?.MatchAnySuffix),
      ...given('substrings', names?.MatchAnySubstring),
      ...given('largerThan', Filter.ObjectSizeGreaterThanBytes),
      ...given('smallerThan', Filter.ObjectSizeLessThanBytes),
      ...given('storageClasses', Filter.MatchAnyStorageClass),
    },
  };
}

/** The job a request asks for. **Errors**: `invalid_argument`, `unsupported`. */
export function jobOf(input: CreateJobRequest): NewBatchJob {
  const { Report } = input;
  if (Report?.Enabled === true && Report.Bucket === undefined)
    throw invalid('A Report that is Enabled needs a Bucket.');
  return {
    operation: operationOf(input.Operation),
    manifest: manifestOf(input.Manifest, input.ManifestGenerator),
    ...(Report?.Enabled === true
      ? {
          report: {
            bucket: bucketOf(Report.Bucket, 'Report.Bucket'),
            prefix: Report.Prefix ?? '',
            scope: Report.ReportScope === 'FailedTasksOnly' ? ('FailedTasksOnly' as const) : ('AllTasks' as const),
          },
        }
      : {}),
    priority: input.Priority ?? -1,
    roleArn: input.RoleArn ?? '',
    token: input.ClientRequestToken ?? '',
    ...given('description', input.Description),
    confirmationRequired: input.ConfirmationRequired === true,
    tags: tagsOf(input.Tags),
    foreign: {
      ...given('Operation', input.Operation),
      ...given('Manifest', input.Manifest),
      ...given('ManifestGenerator', input.ManifestGenerator),
      ...given('Report', input.Report),
    },
  };
}
