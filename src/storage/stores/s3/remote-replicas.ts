/**
 * Replicas in another S3 service, by what every such service knows: puts, uploads in parts, deletes, tags and locks.
 *
 * Invariants
 * - Each request says in `x-loch-replica` which version it is of and when that was made. Another Loch keeps both; other
 *   services pass it over, and give versions ids of their own.
 * - An object that was uploaded in parts is uploaded in the same parts, so that its ETag stays what it was.
 * - A bucket that does not keep versions is refused: a delete marker would be the end of an object there.
 * - No body is held in memory: it is read from the source as the service takes it.
 */
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketVersioningCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { isLochError, LochError } from '../../../core/errors.ts';
import type { ObjectHead, VersionName } from '../../contract.ts';
import type { RemoteService } from '../../replication/contract-types.ts';
import { statusOf } from './remote-errors.ts';

const AGENT = { keepAlive: true, maxSockets: 16 };
const CONNECT_MS = 5_000;
const SILENCE_MS = 60_000;
const MIB = 1024 * 1024;
/** One request takes no more. */
const SINGLE_LIMIT = 5 * 1024 * MIB;
const OWN_PART = 64 * MIB;
const REPLICA = 'x-loch-replica';

type At = Required<VersionName>;
/** Reads the source, or a part of it. */
type ReadSource = (range?: { readonly first: number; readonly last: number }) => Promise<Readable>;

/** A service that takes replicas. Every method answers what the service calls the version, if that is not our name. */
export interface RemoteReplicas {
  put(
    at: At & { readonly kmsKeyId?: string },
    head: ObjectHead,
    read: ReadSource,
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** Puts a delete marker. */
  mark(
    at: At & { readonly modifiedAt: number; readonly remoteVersion?: string | undefined },
    signal: AbortSignal,
  ): Promise<string | undefined>;
  /** Brings tags and locks of a replica up to its source. False when there is no such replica. */
  change(at: At, head: ObjectHead, remoteVersion: string | undefined, signal: AbortSignal): Promise<boolean>;
  has(at: At & { readonly remoteVersion: string }, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

/** A client of a service. Nothing is sent before something is asked for. */
export async function openRemoteReplicas(service: RemoteService): Promise<RemoteReplicas> {
  const client = new S3Client({
    endpoint: service.endpoint,
    region: service.region,
    forcePathStyle: service.pathStyle,
    credentials: { accessKeyId: service.accessKeyId, secretAccessKey: service.secretAccessKey.reveal() },
    // The queue tries again, and a body is read once.
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpsAgent: new HttpsAgent(AGENT),
      httpAgent: new Agent(AGENT),
    },
  });
  const versioned = new Set<string>();

  /** **Errors**: `unavailable` when another try may succeed; else as the service refused. */
  const ask = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw refusalOf(what, service.endpoint, error);
    }
  };

  /** Adds the header that names the version to every request of a command. */
  const named = <C extends { readonly middlewareStack: object }>(command: C, at: At, modifiedAt: number): C => {
    const stack = command.middlewareStack as {
      add(middleware: unknown, options: { readonly step: 'build'; readonly name: string }): void;
    };
    const middleware =
      (next: (args: { readonly request: { readonly headers: Record<string, string> } }) => unknown) =>
      (args: { readonly request: { readonly headers: Record<string, string> } }) => {
        args.request.headers[REPLICA] = `${at.versionId};${modifiedAt}`;
        return next(args);
      };
    stack.add(middleware, { step: 'build', name: 'lochReplica' });
    return command;
  };

  const assertVersioned = async (bucket: string, abortSignal: AbortSignal): Promise<void> => {
    if (versioned.has(bucket)) return;
    const { Status } = await ask('GetBucketVersioning', () =>
      client.send(new GetBucketVersioningCommand({ Bucket: bucket }), { abortSignal }),
    );
    if (Status !== 'Enabled') {
      throw new LochError('invalid_bucket_state', `The bucket \`${bucket}\` of ${service.endpoint} keeps no versions.`);
    }
    versioned.add(bucket);
  };

  const foreign = (at: At, VersionId: string | undefined): string | undefined =>
    VersionId === undefined || VersionId === at.versionId ? undefined : VersionId;

  const uploadInParts = async (
    at: At,
    head: ObjectHead,
    read: ReadSource,
    facts: Omit<PutObjectCommandInput, 'Body'>,
    abortSignal: AbortSignal,
  ): Promise<string | undefined> => {
    const place = { Bucket: at.bucket, Key: at.key };
    const { UploadId } = await ask('CreateMultipartUpload', () =>
      client.send(named(new CreateMultipartUploadCommand(facts), at, head.lastModified), { abortSignal }),
    );
    try {
      const Parts: CompletedPart[] = [];
      let first = 0;
      for (const size of partSizes(head)) {
        const PartNumber = Parts.length + 1;
        const Body = await read({ first, last: first + size - 1 });
        const { ETag } = await ask('UploadPart', () =>
          client.send(new UploadPartCommand({ ...place, UploadId, PartNumber, Body, ContentLength: size }), {
            abortSignal,
          }),
        );
        Parts.push({ PartNumber, ETag });
        first += size;
      }
      const MultipartUpload = { Parts };
      const { VersionId } = await ask('CompleteMultipartUpload', () =>
        client.send(new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload }), { abortSignal }),
      );
      return foreign(at, VersionId);
    } catch (error) {
      // What was sent is of no use; if the service cannot be told, its rules remove it.
      await client.send(new AbortMultipartUploadCommand({ ...place, UploadId })).catch(() => undefined);
      throw error;
    }
  };

  return {
    async put(at, head, read, abortSignal) {
      await assertVersioned(at.bucket, abortSignal);
      const facts = { Bucket: at.bucket, Key: at.key, ...factsOf(head, at.kmsKeyId) };
      if (head.partSizes !== undefined || head.size > SINGLE_LIMIT)
        return uploadInParts(at, head, read, facts, abortSignal);
      const Body = head.size === 0 ? new Uint8Array(0) : await read();
      const command = new PutObjectCommand({ ...facts, Body, ContentLength: head.size });
      const { VersionId } = await ask('PutObject', () =>
        client.send(named(command, at, head.lastModified), { abortSignal }),
      );
      return foreign(at, VersionId);
    },
    async mark(at, abortSignal) {
      await assertVersioned(at.bucket, abortSignal);
      if (at.remoteVersion !== undefined) return at.remoteVersion; // it was put, and the answer was lost on the way here
      const command = new DeleteObjectCommand({ Bucket: at.bucket, Key: at.key });
      const { VersionId } = await ask('DeleteObject', () =>
        client.send(named(command, at, at.modifiedAt), { abortSignal }),
      );
      return foreign(at, VersionId);
    },
    async change(at, head, remoteVersion, abortSignal) {
      const place = { Bucket: at.bucket, Key: at.key, VersionId: remoteVersion ?? at.versionId };
      const { tags = {}, retention, legalHold } = head.attributes;
      const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
      try {
        await ask('PutObjectTagging', () =>
          client.send(new PutObjectTaggingCommand({ ...place, Tagging: { TagSet } }), { abortSignal }),
        );
      } catch (error) {
        if (isLochError(error, 'object_not_found')) return false;
        throw error;
      }
      if (retention !== undefined) {
        const Retention = { Mode: retention.mode, RetainUntilDate: new Date(retention.until) };
        await ask('PutObjectRetention', () =>
          client.send(new PutObjectRetentionCommand({ ...place, Retention }), { abortSignal }),
        );
      }
      if (legalHold !== undefined) {
        const LegalHold = { Status: legalHold ? ('ON' as const) : ('OFF' as const) };
        await ask('PutObjectLegalHold', () =>
          client.send(new PutObjectLegalHoldCommand({ ...place, LegalHold }), { abortSignal }),
        );
      }
      return true;
    },
    async has(at, abortSignal) {
      try {
        const command = new HeadObjectCommand({ Bucket: at.bucket, Key: at.key, VersionId: at.remoteVersion });
        await client.send(command, { abortSignal });
        return true;
      } catch (error) {
        if (statusOf(error) === 404) return false;
        throw refusalOf('HeadObject', service.endpoint, error);
      }
    },
    close: () => client.destroy(),
  };
}

/** Sizes of the parts a source was uploaded in, or that a large one is uploaded in. */
function partSizes({ partSizes: runs, size }: ObjectHead): readonly number[] {
  if (runs !== undefined) return runs.flatMap(([each, count]) => Array<number>(count).fill(each));
  const whole = Array<number>(Math.floor(size / OWN_PART)).fill(OWN_PART);
  return size % OWN_PART === 0 ? whole : [...whole, size % OWN_PART];
}

/** What a write says of the source, beside its bytes. */
function factsOf(head: ObjectHead, kmsKeyId: string | undefined) {
  const { tags = {}, retention, legalHold, storageClass, encryption } = head.attributes;
  const { headers } = head;
  const expires = headers.expires === undefined ? Number.NaN : Date.parse(headers.expires);
  return {
    ContentType: head.contentType,
    Metadata: { ...head.metadata },
    ContentEncoding: headers['content-encoding'],
    CacheControl: headers['cache-control'],
    ContentDisposition: headers['content-disposition'],
    ContentLanguage: headers['content-language'],
    ...(Number.isNaN(expires) ? {} : { Expires: new Date(expires) }),
    ...(Object.keys(tags).length === 0 ? {} : { Tagging: new URLSearchParams(tags).toString() }),
    ...(retention === undefined
      ? {}
      : { ObjectLockMode: retention.mode, ObjectLockRetainUntilDate: new Date(retention.until) }),
    ...(legalHold === undefined ? {} : { ObjectLockLegalHoldStatus: legalHold ? ('ON' as const) : ('OFF' as const) }),
    ...(storageClass === undefined
      ? {}
      : { StorageClass: storageClass as NonNullable<PutObjectCommandInput['StorageClass']> }),
    ...(encryption?.algorithm === 'AES256' ? { ServerSideEncryption: 'AES256' as const } : {}),
    ...(encryption?.algorithm.startsWith('aws:kms') === true && kmsKeyId !== undefined
      ? { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: kmsKeyId }
      : {}),
  };
}

/** What the service said, in our words: for good, or to be tried again. */
function refusalOf(what: string, endpoint: string, error: unknown): Error {
  if (isLochError(error) || (error as Error).name === 'AbortError') return error as Error;
  const { name = 'Error', message } = error as Error;
  const status = statusOf(error);
  const text = `${endpoint} refused ${what}: ${name}${message ? `, ${message}` : ''}`;
  if (status === undefined || status >= 500 || status === 429 || status === 408) {
    return new LochError('unavailable', text, { cause: error });
  }
  if (status === 404) return new LochError(name === 'NoSuchBucket' ? 'bucket_not_found' : 'object_not_found', text);
  if (status === 401 || status === 403) return new LochError('access_denied', text);
  return new LochError('invalid_argument', text);
}
