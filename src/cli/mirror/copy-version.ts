import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { Readable } from 'node:stream';
import { LochError } from '../../core/errors.ts';
import type { Entry, Side } from './listings.ts';

export interface CopyOptions {
  /** A key of the target for versions under keys of the source's key service; without it they are refused. */
  readonly kmsKey?: string;
  readonly signal: AbortSignal;
}

/**
 * Gives the target the version, or the delete marker, as its newest. Parts stay parts, so that the ETag stays.
 * **Errors**: `unsupported` for a version under a foreign key; what the services answer.
 */
export async function copyVersion(
  source: Side,
  target: Side,
  key: string,
  entry: Entry,
  options: CopyOptions,
): Promise<void> {
  const { signal } = options;
  const to = { Bucket: target.bucket, Key: key };
  if (entry.marker) {
    await target.client.send(new DeleteObjectCommand(to), { abortSignal: signal });
    return;
  }
  const from = { Bucket: source.bucket, Key: key, VersionId: entry.versionId };
  const head = await source.client.send(new HeadObjectCommand(from), { abortSignal: signal });
  const written: Omit<PutObjectCommandInput, 'Body'> = {
    ...to,
    ...attributesOf(head, options),
    ...(await tagsOf(source, from)),
  };
  const parts = Number(/-(\d+)"?$/.exec(entry.etag)?.[1] ?? 0);
  if (parts === 0) {
    const body = await source.client.send(new GetObjectCommand(from), { abortSignal: signal });
    await target.client.send(
      new PutObjectCommand({ ...written, Body: bytesOf(body), ContentLength: body.ContentLength }),
      { abortSignal: signal },
    );
    return;
  }
  const { UploadId } = await target.client.send(new CreateMultipartUploadCommand(written), { abortSignal: signal });
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
    for (let PartNumber = 1; PartNumber <= parts; PartNumber++) {
      const part = await source.client.send(new GetObjectCommand({ ...from, PartNumber }), { abortSignal: signal });
      const { ETag } = await target.client.send(
        new UploadPartCommand({ ...to, UploadId, PartNumber, Body: bytesOf(part), ContentLength: part.ContentLength }),
        { abortSignal: signal },
      );
      Parts.push({ PartNumber, ETag });
    }
    await target.client.send(new CompleteMultipartUploadCommand({ ...to, UploadId, MultipartUpload: { Parts } }), {
      abortSignal: signal,
    });
  } catch (error) {
    await target.client.send(new AbortMultipartUploadCommand({ ...to, UploadId })).catch(() => undefined); // told below
    throw error;
  }
}

/** The bytes of an answer. That they broke off is told by the request that carries them on, which fails with them. */
function bytesOf({ Body }: GetObjectCommandOutput): NonNullable<GetObjectCommandOutput['Body']> {
  if (Body instanceof Readable) Body.on('error', () => undefined);
  return Body!;
}

/** Whether a version is encrypted under a key of the key service: then its ETag tells nothing of its bytes. */
export async function isUnderKey({ client, bucket }: Side, key: string, versionId: string): Promise<boolean> {
  const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, VersionId: versionId }));
  return head.ServerSideEncryption?.startsWith('aws:kms') === true;
}

/** What an answer tells of a version, beside its bytes. */
type Told = Omit<GetObjectCommandOutput, 'Body' | '$metadata'>;

function attributesOf(head: Told, options: CopyOptions) {
  const { ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata, StorageClass } =
    head;
  const retained = (head.ObjectLockRetainUntilDate?.getTime() ?? 0) > Date.now();
  return {
    ...{ ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata, StorageClass },
    ...(head.ExpiresString === undefined ? {} : { Expires: new Date(head.ExpiresString) }),
    ...(retained
      ? { ObjectLockMode: head.ObjectLockMode, ObjectLockRetainUntilDate: head.ObjectLockRetainUntilDate }
      : {}),
    ...(head.ObjectLockLegalHoldStatus === 'ON' ? { ObjectLockLegalHoldStatus: 'ON' as const } : {}),
    ...encryptionOf(head, options),
  };
}

function encryptionOf({ ServerSideEncryption, SSEKMSKeyId }: Told, { kmsKey }: CopyOptions) {
  if (ServerSideEncryption === undefined) return {};
  if (ServerSideEncryption === 'AES256') return { ServerSideEncryption };
  if (kmsKey !== undefined) return { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKey };
  throw new LochError(
    'unsupported',
    `it is encrypted under the key ${SSEKMSKeyId ?? 'of the source'}; name a key of this lake by --kms-key`,
  );
}

async function tagsOf({ client }: Side, from: { Bucket: string; Key: string; VersionId: string }) {
  const { TagSet = [] } = await client.send(new GetObjectTaggingCommand(from));
  if (TagSet.length === 0) return {};
  return { Tagging: new URLSearchParams(TagSet.map(({ Key, Value }): [string, string] => [Key!, Value!])).toString() };
}

/** What must be equal of a version on both sides, as text. */
export async function attributesText({ client, bucket }: Side, key: string, versionId: string): Promise<string> {
  const name = { Bucket: bucket, Key: key, VersionId: versionId };
  const head = await client.send(new HeadObjectCommand(name));
  const { ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage, Metadata } = head;
  const retained = (head.ObjectLockRetainUntilDate?.getTime() ?? 0) > Date.now();
  const { TagSet = [] } = await client.send(new GetObjectTaggingCommand(name));
  return JSON.stringify({
    ...{ ContentType, CacheControl, ContentDisposition, ContentEncoding, ContentLanguage },
    Metadata: Object.entries(Metadata ?? {}).sort(),
    expires: head.ExpiresString,
    class: head.StorageClass ?? 'STANDARD',
    retention: retained ? [head.ObjectLockMode, head.ObjectLockRetainUntilDate] : undefined,
    hold: head.ObjectLockLegalHoldStatus === 'ON',
    tags: TagSet.map(({ Key, Value }) => [Key, Value]).sort(),
  });
}
