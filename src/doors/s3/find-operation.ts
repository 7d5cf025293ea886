import { LochError } from '../../core/errors.ts';
import * as buckets from './bucket-operations.ts';
import * as multipart from './multipart-operations.ts';
import * as objects from './object-operations.ts';
import type { S3Operation, S3Request } from './request.ts';

/** An operation with its S3 name; `management` ones are recorded as management events. */
export interface FoundOperation {
  readonly name: string;
  readonly run: S3Operation;
  readonly management: boolean;
}

/** Sub-resources that S3 has and this door does not, with the operation family they belong to. */
const UNSUPPORTED = [
  'accelerate',
  'acl',
  'analytics',
  'attributes',
  'cors',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'tagging',
  'torrent',
  'versions',
  'website',
];

/** Which operation a request asks for. **Errors**: `unsupported` naming the sub-resource; `invalid_argument` for no operation at all. */
export function findOperation(
  request: Pick<S3Request, 'method' | 'bucket' | 'key' | 'query' | 'headers'>,
): FoundOperation {
  const { method, bucket, key, query } = request;
  for (const name of UNSUPPORTED) {
    if (query.has(name)) throw unsupported(`?${name}`, method);
  }
  const found =
    bucket === '' ? serviceOperation(method) : key === '' ? bucketOperation(method, query) : objectOperation(request);
  if (found === undefined)
    throw unsupported(bucket === '' ? 'the service' : key === '' ? 'a bucket' : 'an object', method);
  return found;
}

function unsupported(what: string, method: string): LochError {
  return new LochError(
    'unsupported',
    `${method} on ${what} is not supported. The supported operations stand in docs/reference/s3-operations.md.`,
    { context: { method, resource_type: what } },
  );
}

const data = (name: string, run: S3Operation): FoundOperation => ({ name, run, management: false });
const management = (name: string, run: S3Operation): FoundOperation => ({ name, run, management: true });

function serviceOperation(method: string): FoundOperation | undefined {
  return method === 'GET' ? management('ListBuckets', buckets.listBuckets) : undefined;
}

function bucketOperation(method: string, query: URLSearchParams): FoundOperation | undefined {
  switch (method) {
    case 'GET':
      if (query.has('location')) return management('GetBucketLocation', buckets.getBucketLocation);
      if (query.has('versioning')) return management('GetBucketVersioning', buckets.getBucketVersioning);
      if (query.has('uploads')) return data('ListMultipartUploads', multipart.listMultipartUploads);
      return query.get('list-type') === '2'
        ? data('ListObjectsV2', buckets.listObjectsV2)
        : data('ListObjects', buckets.listObjectsV1);
    case 'PUT':
      return query.has('versioning') ? undefined : management('CreateBucket', buckets.createBucket);
    case 'HEAD':
      return management('HeadBucket', buckets.headBucket);
    case 'DELETE':
      return management('DeleteBucket', buckets.deleteBucket);
    case 'POST':
      return query.has('delete') ? data('DeleteObjects', buckets.deleteObjects) : undefined;
    default:
      return undefined;
  }
}

function objectOperation({
  method,
  query,
  headers,
}: Pick<S3Request, 'method' | 'query' | 'headers'>): FoundOperation | undefined {
  const copies = headers['x-amz-copy-source'] !== undefined;
  switch (method) {
    case 'GET':
      return query.has('uploadId') ? data('ListParts', multipart.listParts) : data('GetObject', objects.getObject);
    case 'HEAD':
      return data('HeadObject', objects.headObject);
    case 'PUT':
      if (query.has('uploadId'))
        return copies ? data('UploadPartCopy', multipart.uploadPartCopy) : data('UploadPart', multipart.uploadPart);
      return copies ? data('CopyObject', objects.copyObject) : data('PutObject', objects.putObject);
    case 'DELETE':
      return query.has('uploadId')
        ? data('AbortMultipartUpload', multipart.abortMultipartUpload)
        : data('DeleteObject', objects.deleteObject);
    case 'POST':
      if (query.has('uploads')) return data('CreateMultipartUpload', multipart.createMultipartUpload);
      return query.has('uploadId') ? data('CompleteMultipartUpload', multipart.completeMultipartUpload) : undefined;
    default:
      return undefined;
  }
}
