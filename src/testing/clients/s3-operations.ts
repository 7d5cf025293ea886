import * as s3 from '@aws-sdk/client-s3';
import { NormalizedSchema } from '@smithy/core/schema';

/** The line of an operation's request, as a router sees it. */
export interface S3OperationRequest {
  readonly name: string;
  readonly method: string;
  /** Empty for operations on no bucket. */
  readonly bucket: string;
  /** Empty for operations on no object. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
}

type Schema = readonly [9, string, string, { readonly http: readonly [string, string, number] }, () => unknown];

/** Every operation of the official S3 client with its request, out of the client's own schemas; those of other hosts are left out. */
export function s3OperationRequests(): S3OperationRequest[] {
  const requests: S3OperationRequest[] = [];
  for (const schema of Object.values(s3) as unknown[]) {
    if (!Array.isArray(schema) || schema[0] !== 9) continue;
    const [, , name, { http }, input] = schema as unknown as Schema;
    const [path, search] = http[1].split('?');
    if (path !== '/' && path !== '/{Key+}') continue;
    const members = new Set([...NormalizedSchema.of(input as never).structIterator()].map(([member]) => member));
    const query = new URLSearchParams(search);
    if (members.has('UploadId')) query.set('uploadId', 'upload');
    if (members.has('Id') && name.startsWith('Get')) query.set('id', 'one');
    requests.push({
      name,
      method: http[0],
      bucket: members.has('Bucket') ? 'bucket' : '',
      key: path === '/' ? '' : 'key',
      query,
      headers: members.has('CopySource') ? { 'x-amz-copy-source': 'bucket/key' } : {},
    });
  }
  return requests;
}
