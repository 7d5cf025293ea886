import { LochError } from '../../core/errors.ts';
import * as buckets from './bucket-operations.ts';
import * as listing from './list-operations.ts';
import { controlOperation } from './control-operations.ts';
import * as copies from './copy-operations.ts';
import * as deletes from './delete-operations.ts';
import * as attributes from './attribute-operations.ts';
import { getObjectAttributes } from './attributes-operation.ts';
import * as versions from './version-operations.ts';
import * as multipart from './multipart-operations.ts';
import * as objects from './object-operations.ts';
import { postObject } from './post/post-object.ts';
import type { S3Operation, S3Request } from './request.ts';
import { restoreObject } from './restore-operation.ts';
import { selectObjectContent } from './select-operation.ts';
import * as acl from './settings/acl-operations.ts';
import { settingOperation } from './settings/setting-routes.ts';

/** An operation with its S3 name; `management` ones are recorded as management events by the door. */
export interface FoundOperation {
  readonly name: string;
  readonly run: S3Operation;
  readonly management: boolean;
  /** What it changes is an account's: the request's path names no bucket. */
  readonly ofAccount?: true;
}

const data = (name: string, run: S3Operation): FoundOperation => ({ name, run, management: false });
const management = (name: string, run: S3Operation): FoundOperation => ({ name, run, management: true });

/**
 * Sub-resources that S3 has and this door has not, with their part of the operation's name. `$` stands for the verb and
 * the kind of resource; `method NAME` pairs are names of their own.
 */
const UNSUPPORTED: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  abac: 'Abac',
  accelerate: 'AccelerateConfiguration',
  acl: 'Acl',
  analytics: 'AnalyticsConfiguration',
  annotation: 'Annotation',
  cors: 'Cors',
  encryption: 'Encryption',
  'intelligent-tiering': 'IntelligentTieringConfiguration',
  inventory: 'InventoryConfiguration',
  lifecycle: 'LifecycleConfiguration',
  logging: 'Logging',
  metadataAnnotationTable: { PUT: 'UpdateBucketMetadataAnnotationTableConfiguration' },
  metadataConfiguration: 'MetadataConfiguration',
  metadataInventoryTable: { PUT: 'UpdateBucketMetadataInventoryTableConfiguration' },
  metadataJournalTable: { PUT: 'UpdateBucketMetadataJournalTableConfiguration' },
  metadataTable: 'MetadataTableConfiguration',
  metrics: 'MetricsConfiguration',
  notification: 'NotificationConfiguration',
  ownershipControls: 'OwnershipControls',
  policy: 'Policy',
  policyStatus: 'PolicyStatus',
  publicAccessBlock: 'PublicAccessBlock',
  renameObject: { PUT: 'RenameObject' },
  replication: 'Replication',
  requestPayment: 'RequestPayment',
  session: { GET: 'CreateSession' },
  tagging: 'Tagging',
  torrent: 'Torrent',
  website: 'Website',
};
/** Operations whose names do not follow from verb, kind of resource and sub-resource. */
const IRREGULAR: Readonly<Record<string, string>> = {
  PostBucketMetadataConfiguration: 'CreateBucketMetadataConfiguration',
  PostBucketMetadataTableConfiguration: 'CreateBucketMetadataTableConfiguration',
  DeleteBucketLifecycleConfiguration: 'DeleteBucketLifecycle',
  PutObjectEncryption: 'UpdateObjectEncryption',
};
/** Sub-resources of which a bucket has many: without `id` a GET lists them. */
const LISTED = ['analytics', 'intelligent-tiering', 'inventory', 'metrics'];
const VERBS: Readonly<Record<string, string>> = {
  GET: 'Get',
  PUT: 'Put',
  DELETE: 'Delete',
  POST: 'Post',
  HEAD: 'Head',
};

/** Which operation a request asks for. **Errors**: `unsupported` naming it; `unknown_operation` when there is none. */
export function findOperation(
  request: Pick<S3Request, 'method' | 'bucket' | 'key' | 'query' | 'headers'>,
): FoundOperation {
  const { method, bucket, key, query } = request;
  const control = controlOperation(request);
  if (control !== undefined) {
    if (control.run === undefined) throw unsupported(control.name);
    return { ...management(control.name, control.run), ofAccount: true };
  }
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  if (level !== 'service') {
    const setting = level === 'bucket' ? settingOperation(method, query) : undefined;
    if (setting !== undefined) return management(...setting);
    if (level === 'object' && query.has('acl')) {
      if (method === 'GET') return data('GetObjectAcl', acl.getObjectAcl);
      if (method === 'PUT') return data('PutObjectAcl', acl.putObjectAcl);
    }
    const attribute = level === 'object' ? attributeOperation(method, query) : undefined;
    if (attribute !== undefined) return attribute;
    for (const name of query.keys()) {
      if (!Object.hasOwn(UNSUPPORTED, name)) continue;
      const operation = UNSUPPORTED[name]!;
      const lists = method === 'GET' && LISTED.includes(name) && !query.has('id');
      throw unsupported(lists ? `ListBucket${operation}s` : operationName(method, level, operation, query));
    }
  }
  const found =
    level === 'service'
      ? serviceOperation(method, query)
      : level === 'bucket'
        ? bucketOperation(method, query)
        : objectOperation(request);
  if (found !== undefined) return found;
  throw new LochError('unknown_operation', `S3 has no ${method} on ${level === 'service' ? '/' : `a ${level}`}.`, {
    context: { method, resource_type: level },
  });
}

function operationName(
  method: string,
  level: 'bucket' | 'object',
  operation: (typeof UNSUPPORTED)[string],
  query: URLSearchParams,
): string {
  if (typeof operation !== 'string') return operation[method] ?? `${method} ${Object.values(operation)[0]}`;
  const verb = VERBS[method] ?? method;
  if (/^(ObjectLock|PublicAccess)/.test(operation)) return verb + operation;
  // One address for a list and one of it: only the client's own word tells them apart.
  if (query.get('x-id') === 'ListObjectAnnotations') return 'ListObjectAnnotations';
  const name = `${verb}${level === 'bucket' ? 'Bucket' : 'Object'}${operation}`;
  return IRREGULAR[name] ?? name;
}

function unsupported(operation: string): LochError {
  return new LochError('unsupported', `${operation} is not supported by Loch.`, { context: { operation } });
}

function serviceOperation(method: string, query: URLSearchParams): FoundOperation | undefined {
  if (query.get('x-id') === 'ListDirectoryBuckets') throw unsupported('ListDirectoryBuckets');
  return method === 'GET' ? management('ListBuckets', buckets.listBuckets) : undefined;
}

function bucketOperation(method: string, query: URLSearchParams): FoundOperation | undefined {
  switch (method) {
    case 'GET':
      if (query.has('versions')) return data('ListObjectVersions', versions.listObjectVersions);
      if (query.has('location')) return management('GetBucketLocation', buckets.getBucketLocation);
      if (query.has('versioning')) return management('GetBucketVersioning', versions.getBucketVersioning);
      if (query.has('uploads')) return data('ListMultipartUploads', multipart.listMultipartUploads);
      return query.get('list-type') === '2'
        ? data('ListObjectsV2', listing.listObjectsV2)
        : data('ListObjects', listing.listObjectsV1);
    case 'PUT':
      if (query.has('versioning')) return management('PutBucketVersioning', versions.putBucketVersioning);
      return management('CreateBucket', buckets.createBucket);
    case 'HEAD':
      return management('HeadBucket', buckets.headBucket);
    case 'DELETE':
      return management('DeleteBucket', buckets.deleteBucket);
    case 'POST':
      if (query.has('delete')) return data('DeleteObjects', deletes.deleteObjects);
      return data('PostObject', postObject);
    default:
      return undefined;
  }
}

/** Operations on a sub-resource of an object. */
const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, FoundOperation>>>> = {
  tagging: {
    GET: data('GetObjectTagging', attributes.getObjectTagging),
    PUT: data('PutObjectTagging', attributes.putObjectTagging),
    DELETE: data('DeleteObjectTagging', attributes.deleteObjectTagging),
  },
  retention: {
    GET: data('GetObjectRetention', attributes.getObjectRetention),
    PUT: data('PutObjectRetention', attributes.putObjectRetention),
  },
  'legal-hold': {
    GET: data('GetObjectLegalHold', attributes.getObjectLegalHold),
    PUT: data('PutObjectLegalHold', attributes.putObjectLegalHold),
  },
};

function attributeOperation(method: string, query: URLSearchParams): FoundOperation | undefined {
  for (const [name, operations] of Object.entries(ATTRIBUTES)) if (query.has(name)) return operations[method];
  return undefined;
}

function objectOperation({
  method,
  query,
  headers,
}: Pick<S3Request, 'method' | 'query' | 'headers'>): FoundOperation | undefined {
  const copied = headers['x-amz-copy-source'] !== undefined;
  const inUpload = query.has('uploadId');
  switch (method) {
    case 'GET':
      if (query.has('attributes')) return data('GetObjectAttributes', getObjectAttributes);
      return inUpload ? data('ListParts', multipart.listParts) : data('GetObject', objects.getObject);
    case 'HEAD':
      return data('HeadObject', objects.headObject);
    case 'PUT':
      if (inUpload) {
        return copied ? data('UploadPartCopy', copies.uploadPartCopy) : data('UploadPart', multipart.uploadPart);
      }
      return copied ? data('CopyObject', copies.copyObject) : data('PutObject', objects.putObject);
    case 'DELETE':
      return inUpload
        ? data('AbortMultipartUpload', multipart.abortMultipartUpload)
        : data('DeleteObject', deletes.deleteObject);
    case 'POST':
      if (query.has('restore')) return data('RestoreObject', restoreObject);
      if (query.has('select')) return data('SelectObjectContent', selectObjectContent);
      if (query.has('uploads')) return data('CreateMultipartUpload', multipart.createMultipartUpload);
      return inUpload ? data('CompleteMultipartUpload', multipart.completeMultipartUpload) : undefined;
    default:
      return undefined;
  }
}
