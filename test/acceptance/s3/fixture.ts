/** What the tests of S3's own conformance cases share: a lake with a client, buckets with names of their own, failures. */
import { request as httpRequest } from 'node:http';
import {
  CreateBucketCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { openS3Lake, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';
import { signHttp } from '../../../src/testing/clients/signed-request.ts';

export const MIB = 1024 * 1024;

/** A started door, with the short words its tests speak in. */
export interface Suite {
  readonly lake: S3Lake;
  readonly s3: S3Client;
  /** A new bucket, with these keys whose bodies are their names. */
  bucket(
    keys?: readonly string[],
    settings?: { readonly versioned?: boolean; readonly locked?: boolean },
  ): Promise<string>;
  put(
    Bucket: string,
    Key: string,
    Body: string | Uint8Array,
    more?: Partial<PutObjectCommandInput>,
  ): ReturnType<typeof put>;
  /** The text of an object. */
  text(Bucket: string, Key: string, more?: Partial<GetObjectCommandInput>): Promise<string>;
  /** Ids of the versions and of the delete markers of a bucket, newest first. */
  versions(Bucket: string): Promise<{ readonly versions: string[]; readonly markers: string[] }>;
  close(): Promise<void>;
}

const put = (s3: S3Client, input: PutObjectCommandInput) => s3.send(new PutObjectCommand(input));

let buckets = 0;

/** Opens it. */
export async function openSuite(): Promise<Suite> {
  const lake = await openS3Lake();
  const s3 = lake.client(lake.rootKey, { maxAttempts: 1 });
  const suite: Suite = {
    lake,
    s3,
    async bucket(keys = [], { versioned = false, locked = false } = {}) {
      const Bucket = `case-${++buckets}`;
      await s3.send(new CreateBucketCommand({ Bucket, ...(locked ? { ObjectLockEnabledForBucket: true } : {}) }));
      if (versioned) await setVersioning(s3, Bucket, 'Enabled');
      for (const Key of keys) await put(s3, { Bucket, Key, Body: Key });
      return Bucket;
    },
    put: (Bucket, Key, Body, more = {}) => put(s3, { Bucket, Key, Body, ...more }),
    async text(Bucket, Key, more = {}) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
      return Body!.transformToString();
    },
    async versions(Bucket) {
      const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
      return {
        versions: Versions.map(({ VersionId }) => VersionId!),
        markers: DeleteMarkers.map(({ VersionId }) => VersionId!),
      };
    },
    close: () => lake.close(),
  };
  return suite;
}

/** Has a bucket keep versions, or stop. */
export async function setVersioning(s3: S3Client, Bucket: string, Status: 'Enabled' | 'Suspended'): Promise<void> {
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
}

/** What a raw request is answered. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** S3's error code, if the answer is an error. */
  readonly code: string | undefined;
}

/** Sends a request that no SDK would send: signed by root, with these headers, and what `change` makes of them. */
export async function raw(
  { lake }: Suite,
  method: string,
  path: string,
  more: {
    readonly query?: Record<string, string>;
    readonly headers?: Record<string, string>;
    readonly body?: string;
    /** Changes headers after they were signed; an undefined one is not sent. */
    readonly change?: Record<string, string | undefined>;
  } = {},
): Promise<RawAnswer> {
  const signed = await signHttp(lake.rootKey, {
    method,
    path,
    endpoint: lake.endpoint,
    payloadHash: 'UNSIGNED-PAYLOAD',
    ...(more.query === undefined ? {} : { query: more.query }),
    ...(more.headers === undefined ? {} : { headers: more.headers }),
  });
  const headers: Record<string, string> = { ...signed.headers };
  if (more.body !== undefined) headers['content-length'] = String(Buffer.byteLength(more.body));
  for (const [name, value] of Object.entries(more.change ?? {})) {
    if (value === undefined) delete headers[name];
    else headers[name] = value;
  }
  return new Promise((resolve, reject) => {
    // Not by a URL, which would take the dots out of the path.
    const { hostname, port } = new URL(lake.endpoint);
    const sent = httpRequest({ hostname, port, path: signed.path, method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({
          status: answer.statusCode!,
          headers: answer.headers,
          text,
          code: /<Code>(\w+)</.exec(text)?.[1],
        }),
      );
    });
    sent.on('error', reject);
    // As bytes: with a text, the headers before it would be sent in its encoding.
    sent.end(Buffer.from(more.body ?? ''));
  });
}

/** `<status> <code>` of the failure of `work`; `none` when it succeeds. */
export async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof S3ServiceException) return `${error.$metadata.httpStatusCode} ${error.name}`;
    throw error;
  }
}
