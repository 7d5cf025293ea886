/**
 * Objects of an S3-compatible service, as bytes by name.
 *
 * Invariants
 * - A name is written once: it holds a version id, so no write needs a condition and a repeated one changes nothing.
 * - Every body travels with its MD5, so the service has taken what we meant when it acknowledges.
 * - Only what every such service knows is used: no batch deletes, no checksums beside Content-MD5.
 */
import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { LochError } from '../../../core/errors.ts';
import type { Secret } from '../../../core/secret.ts';
import { isConditionLost, isMissing, isUnknownCondition, remoteFailure } from './remote-errors.ts';

/** Where the remote store is, and who we are there. */
export interface RemoteOptions {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Before every name; empty, or ending in `/`. */
  readonly prefix: string;
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  /** PEM of an authority to trust beside those of the machine. */
  readonly ca?: string;
  /** The settings that name it, for errors; `storage.s3` when absent. */
  readonly settings?: string;
}

/** A part of an upload that the service has taken. */
export interface RemotePart {
  readonly number: number;
  /** As the service gave it. */
  readonly etag: string;
}

/** What a name holds. */
export interface RemoteHead {
  readonly size: number;
  readonly etag: string;
}

const AGENT = { keepAlive: true, maxSockets: 64 };
const GIB = 1024 ** 3;
/** CopyObject takes no more at once. */
const COPY_LIMIT = 5 * GIB;
const COPY_PART = GIB;
const ATTEMPTS = 5;
const CONNECT_MS = 10_000;
/** Without a byte for so long a connection is given up. */
const SILENCE_MS = 60_000;
/** A read whose connection broke goes on from where it was so many times. */
const RESUMES = 4;

/** A bucket of the service, below the prefix. */
export class RemoteObjects {
  readonly endpoint: string;
  /** For people: service, bucket and prefix. */
  readonly location: string;
  /** The settings that name it. */
  readonly settings: string;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;
  /** Bytes read from the service since the start, as bodies. */
  bytesFetched = 0;

  constructor(options: RemoteOptions) {
    this.endpoint = options.endpoint;
    this.location = `${options.endpoint} s3://${options.bucket}/${options.prefix}`;
    this.settings = options.settings ?? 'storage.s3';
    this.#bucket = options.bucket;
    this.#prefix = options.prefix;
    this.#client = new S3Client({
      endpoint: options.endpoint,
      region: options.region,
      forcePathStyle: options.pathStyle,
      credentials: { accessKeyId: options.accessKeyId, secretAccessKey: options.secretAccessKey.reveal() },
      maxAttempts: ATTEMPTS,
      // Services of some age refuse the checksums that newer clients add.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
        // Agents and not their options: with these the SDK makes agents of its own for large bodies.
        httpsAgent: new HttpsAgent({
          ...AGENT,
          ...(options.ca === undefined ? {} : { ca: [...rootCertificates, options.ca] }),
        }),
        httpAgent: new Agent(AGENT),
      },
    });
  }

  #at(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }

  #failure(what: string, error: unknown): Error {
    return remoteFailure(what, this, error);
  }

  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#failure(what, error);
    }
  }

  /** Durable when it resolves, with the ETag that the service gave. */
  async put(name: string, bytes: Uint8Array, md5 = digest(bytes)): Promise<string> {
    const { ETag } = await this.#ask('PutObject', () =>
      this.#client.send(
        new PutObjectCommand({
          ...this.#at(name),
          Body: bytes,
          ContentLength: bytes.length,
          ContentMD5: md5.toString('base64'),
        }),
      ),
    );
    return ETag ?? '';
  }

  /**
   * Writes only when the name is free (`undefined`) or still has this ETag. Returns its new ETag, or undefined when
   * somebody else was first; `'unknown'` when the service knows no conditional writes.
   */
  async putIf(name: string, bytes: Uint8Array, etag: string | undefined): Promise<string | undefined | 'unknown'> {
    const condition = etag === undefined ? { IfNoneMatch: '*' } : { IfMatch: etag };
    try {
      const { ETag } = await this.#client.send(
        new PutObjectCommand({ ...this.#at(name), Body: bytes, ContentLength: bytes.length, ...condition }),
      );
      return ETag ?? '';
    } catch (error) {
      if (isConditionLost(error)) return undefined;
      if (isUnknownCondition(error)) return 'unknown';
      throw this.#failure('PutObject', error);
    }
  }

  /** The bytes of a small object with its ETag, or undefined. */
  async getSmall(name: string): Promise<{ readonly bytes: Uint8Array; readonly etag: string } | undefined> {
    try {
      const found = await this.#client.send(new GetObjectCommand(this.#at(name)));
      return { bytes: await found.Body!.transformToByteArray(), etag: found.ETag ?? '' };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#failure('GetObject', error);
    }
  }

  async head(name: string): Promise<RemoteHead | undefined> {
    try {
      const found = await this.#client.send(new HeadObjectCommand(this.#at(name)));
      return { size: found.ContentLength ?? 0, etag: found.ETag ?? '' };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#failure('HeadObject', error);
    }
  }

  /** The last bytes of an object, so many of them or all, and its size; undefined when there is none of the name. */
  async readEnd(name: string, bytes: number): Promise<{ readonly bytes: Buffer; readonly size: number } | undefined> {
    try {
      const command = new GetObjectCommand({ ...this.#at(name), Range: `bytes=-${bytes}` });
      const found = await this.#client.send(command);
      const end = Buffer.from(await found.Body!.transformToByteArray());
      this.bytesFetched += end.length;
      return { bytes: end, size: Number(found.ContentRange?.split('/')[1] ?? end.length) };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw this.#failure('GetObject', error);
    }
  }

  /**
   * The bytes `first` to `last`, inclusive; taken up again where a connection broke. **Errors**: `ENOENT` when the
   * service has no such name; `unavailable`, in the stream as well.
   */
  async read(name: string, first: number, last: number): Promise<Readable> {
    const begun = await this.#range(name, first, last);
    return Readable.from(this.#chunks(name, begun, first, last), { objectMode: false });
  }

  async #range(name: string, first: number, last: number): Promise<AsyncIterable<Buffer>> {
    try {
      const command = new GetObjectCommand({ ...this.#at(name), Range: `bytes=${first}-${last}` });
      return (await this.#client.send(command)).Body as AsyncIterable<Buffer>;
    } catch (error) {
      if (isMissing(error)) throw Object.assign(this.strange(name, 'has no object of this name'), { code: 'ENOENT' });
      throw this.#failure('GetObject', error);
    }
  }

  async *#chunks(name: string, begun: AsyncIterable<Buffer>, first: number, last: number): AsyncGenerator<Buffer> {
    let at = first;
    let body = begun;
    for (let resumes = 0; ; resumes++) {
      try {
        for await (const chunk of body) {
          at += chunk.length;
          this.bytesFetched += chunk.length;
          if (at > last + 1) break;
          yield chunk;
        }
      } catch (error) {
        // A reader that stops early does not come here: only a connection that broke.
        if (resumes >= RESUMES) throw this.#failure('GetObject', error);
      }
      if (at === last + 1) return;
      if (at > last + 1) throw this.strange(name, `sent more than bytes ${first} to ${last} of an object`);
      if (resumes >= RESUMES) {
        throw this.#failure('GetObject', new Error(`the body ended at byte ${at} of ${last + 1}`));
      }
      body = await this.#range(name, at, last);
    }
  }

  /** The service holds something else than what this lake put there. */
  strange(name: string, what: string): LochError {
    return new LochError(
      'data_corrupt',
      `The remote store ${this.endpoint} ${what}: s3://${this.#bucket}/${this.#prefix}${name}. Somebody changed what belongs to this lake; restore it from a backup of the remote bucket.`,
      { context: { endpoint: this.endpoint, name } },
    );
  }

  /** Begins an upload in parts; nothing of it is seen under the name until it is completed. */
  async begin(name: string): Promise<string> {
    const { UploadId } = await this.#ask('CreateMultipartUpload', () =>
      this.#client.send(new CreateMultipartUploadCommand(this.#at(name))),
    );
    if (UploadId === undefined) throw this.strange(name, 'gave no id to an upload');
    return UploadId;
  }

  /** Sends one part. `body` is asked for anew at each attempt. */
  async putPart(
    name: string,
    uploadId: string,
    number: number,
    body: { readonly size: number; readonly md5: Buffer; readonly open: () => Uint8Array | Readable },
  ): Promise<RemotePart> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { ETag } = await this.#client.send(
          new UploadPartCommand({
            ...this.#at(name),
            UploadId: uploadId,
            PartNumber: number,
            Body: body.open(),
            ContentLength: body.size,
            ContentMD5: body.md5.toString('base64'),
          }),
        );
        return { number, etag: ETag ?? '' };
      } catch (error) {
        // The SDK repeats a body in memory by itself; a stream it cannot take from the beginning.
        if (attempt === ATTEMPTS || isFinal(error)) throw this.#failure('UploadPart', error);
      }
    }
  }

  /**
   * Makes the parts one object. False when the service has no such upload: it was completed before, or removed.
   */
  async complete(name: string, uploadId: string, parts: readonly RemotePart[]): Promise<boolean> {
    try {
      await this.#client.send(
        new CompleteMultipartUploadCommand({
          ...this.#at(name),
          UploadId: uploadId,
          MultipartUpload: { Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })) },
        }),
      );
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw this.#failure('CompleteMultipartUpload', error);
    }
  }

  /** Gives an upload up; one that is not there is given up already. */
  async abort(name: string, uploadId: string): Promise<void> {
    try {
      await this.#client.send(new AbortMultipartUploadCommand({ ...this.#at(name), UploadId: uploadId }));
    } catch (error) {
      if (!isMissing(error)) throw this.#failure('AbortMultipartUpload', error);
    }
  }

  /** Gives the bytes of `from` another name, inside the service. */
  async copy(from: string, to: string, size: number): Promise<void> {
    const source = this.#at(from);
    const CopySource = encodeURI(`${source.Bucket}/${source.Key}`);
    if (size <= COPY_LIMIT) {
      await this.#ask('CopyObject', () => this.#client.send(new CopyObjectCommand({ ...this.#at(to), CopySource })));
      return;
    }
    const uploadId = await this.begin(to);
    try {
      const parts: RemotePart[] = [];
      for (let first = 0; first < size; first += COPY_PART) {
        const last = Math.min(first + COPY_PART, size) - 1;
        const number = parts.length + 1;
        const { CopyPartResult } = await this.#ask('UploadPartCopy', () =>
          this.#client.send(
            new UploadPartCopyCommand({
              ...this.#at(to),
              UploadId: uploadId,
              PartNumber: number,
              CopySource,
              CopySourceRange: `bytes=${first}-${last}`,
            }),
          ),
        );
        parts.push({ number, etag: CopyPartResult?.ETag ?? '' });
      }
      await this.complete(to, uploadId, parts);
    } catch (error) {
      await this.abort(to, uploadId);
      throw error;
    }
  }

  /** Removes a name that may be gone already. */
  async remove(name: string): Promise<void> {
    try {
      await this.#client.send(new DeleteObjectCommand(this.#at(name)));
    } catch (error) {
      if (!isMissing(error)) throw this.#failure('DeleteObject', error);
    }
  }

  /** Every name below `under`, with its size and the time it was written. */
  async *list(
    under: string,
  ): AsyncGenerator<{ readonly name: string; readonly size: number; readonly writtenAt: number }> {
    let token: string | undefined;
    do {
      const page = await this.#ask('ListObjectsV2', () =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: this.#prefix + under,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      );
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        const name = Key!.slice(this.#prefix.length);
        yield { name, size: Size ?? 0, writtenAt: LastModified?.getTime() ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Uploads below `under` that nobody has completed. */
  async *uploads(
    under: string,
  ): AsyncGenerator<{ readonly name: string; readonly uploadId: string; readonly startedAt: number }> {
    let marker: { readonly KeyMarker: string; readonly UploadIdMarker?: string } | undefined;
    do {
      const page = await this.#ask('ListMultipartUploads', () =>
        this.#client.send(
          new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: this.#prefix + under, ...marker }),
        ),
      );
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        const name = Key!.slice(this.#prefix.length);
        yield { name, uploadId: UploadId!, startedAt: Initiated?.getTime() ?? 0 };
      }
      marker =
        page.IsTruncated === true && page.NextKeyMarker !== undefined
          ? {
              KeyMarker: page.NextKeyMarker,
              ...(page.NextUploadIdMarker ? { UploadIdMarker: page.NextUploadIdMarker } : {}),
            }
          : undefined;
    } while (marker !== undefined);
  }

  close(): void {
    this.#client.destroy();
  }
}

/** MD5 of bytes, as Content-MD5 wants it. */
export const digest = (bytes: Uint8Array): Buffer => createHash('md5').update(bytes).digest();

/** An answer that another attempt will not change. */
function isFinal(error: unknown): boolean {
  const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
  return status !== undefined && status < 500 && status !== 408 && status !== 429;
}
