import { createHash, createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketMetadataConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  GetObjectTorrentCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canonicalUserId } from '../../core/canonical-user.ts';
import { openS3Lake, type S3Lake } from '../../testing/builders/s3-lake.ts';
import { patterned } from '../../testing/faults/patterned.ts';

const MIB = 1024 * 1024;

let lake: S3Lake;
let s3: S3Client;
let buckets = 0;

beforeAll(async () => {
  lake = await openS3Lake();
  s3 = lake.client();
});
afterAll(() => lake.close());

async function newBucket(): Promise<string> {
  const Bucket = `sdk-${++buckets}`;
  await s3.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
}

async function read(Bucket: string, Key: string, input = {}): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...input }));
  return Buffer.from(await Body!.transformToByteArray());
}

/** Name and status of the error the SDK throws. */
async function failure(work: Promise<unknown>): Promise<{ name: string; status: number | undefined; message: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof S3ServiceException) {
      return { name: error.name, status: error.$metadata.httpStatusCode, message: error.message };
    }
    throw error;
  }
  return { name: 'none', status: undefined, message: '' };
}

describe('buckets', () => {
  it('makes, tells and removes them', async () => {
    const Bucket = await newBucket();
    const head = await s3.send(new HeadBucketCommand({ Bucket }));
    expect(head.BucketRegion).toBe('us-east-1');
    expect((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint).toBeUndefined();
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined();
    const { Buckets, Owner } = await s3.send(new ListBucketsCommand({}));
    expect(Buckets?.find(({ Name }) => Name === Bucket)?.CreationDate).toBeInstanceOf(Date);
    expect(Owner?.ID).toBe(canonicalUserId('123456789012'));
    await s3.send(new DeleteBucketCommand({ Bucket }));
    expect((await failure(s3.send(new HeadBucketCommand({ Bucket })))).status).toBe(404);
  });

  it('names what is wrong with a bucket', async () => {
    const Bucket = await newBucket();
    const create = (name: string) => failure(s3.send(new CreateBucketCommand({ Bucket: name })));
    expect(await create(Bucket)).toMatchObject({ name: 'BucketAlreadyOwnedByYou', status: 409 });
    expect(await create('UPPER_case')).toMatchObject({ name: 'InvalidBucketName', status: 400 });
    const elsewhere = new CreateBucketCommand({
      Bucket: 'elsewhere',
      CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
    });
    expect(await failure(s3.send(elsewhere))).toMatchObject({ name: 'IllegalLocationConstraintException' });
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    expect(await failure(s3.send(new DeleteBucketCommand({ Bucket })))).toMatchObject({
      name: 'BucketNotEmpty',
      status: 409,
    });
    const list = s3.send(new ListObjectsV2Command({ Bucket: 'no-such-bucket' }));
    expect(await failure(list)).toMatchObject({ name: 'NoSuchBucket', status: 404 });
  });

  it('pages through buckets', async () => {
    await newBucket();
    await newBucket();
    const all = (await s3.send(new ListBucketsCommand({ Prefix: 'sdk-' }))).Buckets!.map(({ Name }) => Name);
    const paged: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(new ListBucketsCommand({ Prefix: 'sdk-', MaxBuckets: 1, ContinuationToken }));
      paged.push(...page.Buckets!.map(({ Name }) => Name));
      ContinuationToken = page.ContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(paged).toEqual(all);
  });
});

describe('objects', () => {
  it('puts and gets bytes, text and streams with what belongs to them', async () => {
    const Bucket = await newBucket();
    const Expires = new Date(Date.UTC(2030, 0, 1));
    await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'a b/ü&<>.csv',
        Body: 'id;name\n1;Ada\n',
        ContentType: 'text/csv',
        ContentLanguage: 'de',
        ContentDisposition: 'attachment; filename="a.csv"',
        ContentEncoding: 'gzip',
        CacheControl: 'no-store',
        Expires,
        Metadata: { owner: 'ada', Note: 'grün' },
      }),
    );
    const found = await s3.send(new GetObjectCommand({ Bucket, Key: 'a b/ü&<>.csv' }));
    expect(found).toMatchObject({
      ContentType: 'text/csv',
      ContentLanguage: 'de',
      ContentDisposition: 'attachment; filename="a.csv"',
      ContentEncoding: 'gzip',
      CacheControl: 'no-store',
      ExpiresString: Expires.toUTCString(),
      ContentLength: 14,
      AcceptRanges: 'bytes',
    });
    expect(found.Metadata?.owner).toBe('ada');
    expect(Buffer.from(found.Metadata!.note!, 'latin1').toString('utf8')).toBe('grün');
    expect(await found.Body!.transformToString()).toBe('id;name\n1;Ada\n');

    for (const size of [0, 1, 70_000, 3 * MIB]) {
      const bytes = patterned(size);
      const ETag = `"${createHash('md5').update(bytes).digest('hex')}"`;
      const body = Readable.from([bytes.subarray(0, 10), bytes.subarray(10)].filter((part) => part.length > 0));
      const streamed = await s3.send(
        new PutObjectCommand({ Bucket, Key: `s${size}`, Body: body, ContentLength: size }),
      );
      expect(streamed.ETag).toBe(ETag);
      const whole = await s3.send(new PutObjectCommand({ Bucket, Key: `b${size}`, Body: bytes }));
      expect(whole).toMatchObject({ ETag, ChecksumType: 'FULL_OBJECT' });
      expect((await read(Bucket, `s${size}`)).equals(bytes)).toBe(true);
      expect((await read(Bucket, `b${size}`)).equals(bytes)).toBe(true);
    }
  });

  it.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)('verifies and keeps %s', async (algorithm) => {
    const Bucket = await newBucket();
    const Body = patterned(200_000);
    if (algorithm !== 'CRC32C' && algorithm !== 'CRC64NVME') {
      const stored = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body, ChecksumAlgorithm: algorithm }));
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }));
      expect(head[`Checksum${algorithm}`]).toBe(stored[`Checksum${algorithm}`]);
      expect(head[`Checksum${algorithm}`]).toMatch(/=$/);
    }
    const wrong = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 }[algorithm];
    const stated = { [`Checksum${algorithm}`]: Buffer.alloc(wrong).toString('base64') };
    const put = s3.send(new PutObjectCommand({ Bucket, Key: 'wrong', Body, ...stated }));
    expect(await failure(put)).toMatchObject({ name: 'BadDigest', status: 400 });
    expect(await failure(s3.send(new HeadObjectCommand({ Bucket, Key: 'wrong' })))).toMatchObject({ status: 404 });
  });

  it('reads ranges, parts and with overridden headers', async () => {
    const Bucket = await newBucket();
    const bytes = patterned(100_000);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: bytes }));
    const some = await s3.send(new GetObjectCommand({ Bucket, Key: 'k', Range: 'bytes=100-199' }));
    expect(some).toMatchObject({ ContentRange: 'bytes 100-199/100000', ContentLength: 100 });
    expect(some.$metadata.httpStatusCode).toBe(206);
    expect(Buffer.from(await some.Body!.transformToByteArray()).equals(bytes.subarray(100, 200))).toBe(true);
    expect((await read(Bucket, 'k', { Range: 'bytes=-5' })).equals(bytes.subarray(-5))).toBe(true);
    expect((await read(Bucket, 'k', { Range: 'bytes=0-1,5-6' })).length).toBe(100_000);
    const beyond = s3.send(new GetObjectCommand({ Bucket, Key: 'k', Range: 'bytes=100000-' }));
    expect(await failure(beyond)).toMatchObject({ name: 'InvalidRange', status: 416 });
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k', Range: 'bytes=1-2' }));
    expect(head).toMatchObject({ ContentLength: 2, ContentRange: 'bytes 1-2/100000' });
    const overridden = await s3.send(
      new GetObjectCommand({
        Bucket,
        Key: 'k',
        ResponseContentType: 'x/y',
        ResponseContentDisposition: 'inline\r\nx: y',
        ResponseCacheControl: 'max-age=1',
      }),
    );
    await overridden.Body!.transformToByteArray();
    expect(overridden).toMatchObject({
      ContentType: 'x/y',
      ContentDisposition: 'inline  x: y',
      CacheControl: 'max-age=1',
    });
  });

  it('decides conditions of reads and writes', async () => {
    const Bucket = await newBucket();
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '1', IfNoneMatch: '*' }));
    const put = (input: object) => failure(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: '2', ...input })));
    expect(await put({ IfNoneMatch: '*' })).toMatchObject({ name: 'PreconditionFailed', status: 412 });
    expect(await put({ IfMatch: '"other"' })).toMatchObject({ name: 'PreconditionFailed', status: 412 });
    expect(await put({ IfMatch: ETag })).toMatchObject({ name: 'none' });
    const get = (input: object) => failure(s3.send(new GetObjectCommand({ Bucket, Key: 'k', ...input })));
    expect(await get({ IfMatch: ETag })).toMatchObject({ status: 412 });
    const now = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    expect(await get({ IfNoneMatch: now.ETag })).toMatchObject({ status: 304 });
    expect(await get({ IfModifiedSince: new Date(Date.now() + 60_000) })).toMatchObject({ status: 304 });
    expect(await get({ IfUnmodifiedSince: new Date(0) })).toMatchObject({ status: 412 });
    const remove = (IfMatch: string) => failure(s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', IfMatch })));
    expect(await remove('"other"')).toMatchObject({ status: 412 });
    expect(await remove(now.ETag!)).toMatchObject({ name: 'none' });
  });

  it('deletes one and many, quietly or not', async () => {
    const Bucket = await newBucket();
    for (const Key of ['a', 'b', '<c>']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'not there' }));
    const Objects = [{ Key: 'a' }, { Key: '<c>' }, { Key: 'not there' }];
    const { Deleted, Errors } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(Deleted?.map(({ Key }) => Key)).toEqual(['a', '<c>', 'not there']);
    expect(Errors ?? []).toEqual([]);
    const quiet = { Objects: [{ Key: 'b' }, { Key: 'x', VersionId: '1' }, { Key: 'k'.repeat(1025) }], Quiet: true };
    const told = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: quiet }));
    expect(told.Deleted ?? []).toEqual([]);
    expect(told.Errors?.map(({ Code }) => Code)).toEqual(['InvalidArgument', 'InvalidArgument']);
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0);
  });

  it('copies with the metadata of the source or its own', async () => {
    const Bucket = await newBucket();
    const bytes = patterned(90_000);
    const Key = 'von/ä b+c.txt';
    const options = { ContentType: 'a/b', Metadata: { m: '1' } };
    const { ETag } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: bytes, ...options }));
    const CopySource = `${Bucket}/${encodeURIComponent(Key)}`;
    const copied = await s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource }));
    expect(copied.CopyObjectResult?.ETag).toBe(ETag);
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: 'to' }))).toMatchObject(options);
    const replace = { MetadataDirective: 'REPLACE' as const, Metadata: { n: '2' }, ContentType: 'c/d' };
    await s3.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...replace }));
    const replaced = await s3.send(new HeadObjectCommand({ Bucket, Key }));
    expect(replaced).toMatchObject({ ContentType: 'c/d', Metadata: { n: '2' } });
    expect((await read(Bucket, 'to')).equals(bytes)).toBe(true);
    const copy = (input: object) => failure(s3.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...input })));
    expect(await copy({})).toMatchObject({ name: 'InvalidRequest', status: 400 });
    expect(await copy({ Key: 'x', CopySourceIfMatch: '"other"' })).toMatchObject({ status: 412 });
    expect(await copy({ Key: 'x', CopySourceIfNoneMatch: ETag })).toMatchObject({ status: 412 });
    expect(await copy({ Key: 'x', CopySource: `${Bucket}/nothing` })).toMatchObject({ name: 'NoSuchKey' });
    expect(await copy({ Key: 'x', CopySource: 'nothing' })).toMatchObject({ name: 'InvalidArgument' });
  });
});

describe('listing', () => {
  it('lists by versions 1 and 2 with prefix, delimiter, pages and encoding', async () => {
    const Bucket = await newBucket();
    const keys = ['a/1', 'a/2', 'b', 'c d/ü+', 'd&<', '\u{1F600}', '\uFFFD', 'e\u0001'];
    for (const Key of keys) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const sorted = [...keys].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    const listed: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(
        new ListObjectsV2Command({ Bucket, MaxKeys: 3, ContinuationToken, EncodingType: 'url', FetchOwner: true }),
      );
      listed.push(...page.Contents!.map(({ Key }) => decodeURIComponent(Key!)));
      expect(page.Contents![0]!.Owner?.ID).toBe(canonicalUserId('123456789012'));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(listed).toEqual(sorted);

    const rolled = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/', MaxKeys: 2 }));
    expect(rolled).toMatchObject({ KeyCount: 2, IsTruncated: true, CommonPrefixes: [{ Prefix: 'a/' }] });
    expect(rolled.Contents?.map(({ Key }) => Key)).toEqual(['b']);
    const next = await s3.send(
      new ListObjectsV2Command({ Bucket, Delimiter: '/', ContinuationToken: rolled.NextContinuationToken }),
    );
    expect(next.CommonPrefixes).toEqual([{ Prefix: 'c d/' }]);

    const first = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 1 }));
    expect(first).toMatchObject({ IsTruncated: true, NextMarker: 'a/', CommonPrefixes: [{ Prefix: 'a/' }] });
    const second = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 1, Marker: 'a/' }));
    expect(second.Contents).toMatchObject([{ Key: 'b', Size: 1 }]);
    const after = await s3.send(new ListObjectsV2Command({ Bucket, StartAfter: 'b', Prefix: 'c' }));
    expect(after.Contents?.map(({ Key }) => Key)).toEqual(['c d/ü+']);
    const none = await s3.send(new ListObjectsV2Command({ Bucket, MaxKeys: 0 }));
    expect(none).toMatchObject({ KeyCount: 0, IsTruncated: false });
  });

  it('refuses tokens it did not give, and pages of no size', async () => {
    const Bucket = await newBucket();
    const list = (input: object) => failure(s3.send(new ListObjectsV2Command({ Bucket, ...input })));
    for (const ContinuationToken of ['YQ', 'nonsense!', Buffer.from('some key').toString('base64url')]) {
      expect(await list({ ContinuationToken })).toMatchObject({ name: 'InvalidArgument', status: 400 });
    }
    expect(await list({ MaxKeys: -1 })).toMatchObject({ name: 'InvalidArgument' });
    expect(await list({ EncodingType: 'base64' })).toMatchObject({ name: 'InvalidArgument' });
  });
});

describe('multipart', () => {
  it('uploads in parallel parts by lib-storage, and reads single parts', async () => {
    const Bucket = await newBucket();
    const bytes = patterned(12 * MIB + 17);
    const upload = new Upload({
      client: s3,
      params: {
        Bucket,
        Key: 'big',
        Body: Readable.from([bytes.subarray(0, MIB), bytes.subarray(MIB)]),
        ContentType: 'a/b',
      },
      partSize: 5 * MIB,
      queueSize: 3,
    });
    const done = await upload.done();
    expect(done.ETag).toMatch(/-3"$/);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'big' }));
    expect(head).toMatchObject({ ContentLength: bytes.length, ContentType: 'a/b' });
    expect((await read(Bucket, 'big')).equals(bytes)).toBe(true);
    const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'big', PartNumber: 3 }));
    expect(part).toMatchObject({ PartsCount: 3, ContentLength: 2 * MIB + 17 });
    expect(Buffer.from(await part.Body!.transformToByteArray()).equals(bytes.subarray(10 * MIB))).toBe(true);
    const none = s3.send(new GetObjectCommand({ Bucket, Key: 'big', PartNumber: 4 }));
    expect(await failure(none)).toMatchObject({ name: 'InvalidPartNumber', status: 416 });
    const attributes = await s3.send(
      new GetObjectAttributesCommand({ Bucket, Key: 'big', ObjectAttributes: ['ObjectSize', 'ObjectParts', 'ETag'] }),
    );
    expect(attributes).toMatchObject({ ObjectSize: bytes.length, ObjectParts: { TotalPartsCount: 3 } });
  });

  it('lists, copies into, completes and aborts uploads, and names what is wrong', async () => {
    const Bucket = await newBucket();
    const source = patterned(6 * MIB, 9);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: source }));
    const begin = async (Key: string) => (await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }))).UploadId!;
    const UploadId = await begin('k');
    const other = await begin('l');
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads?.map(({ Key }) => Key)).toEqual(['k', 'l']);
    const page = await s3.send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 1 }));
    expect(page).toMatchObject({ IsTruncated: true, NextKeyMarker: 'k', NextUploadIdMarker: UploadId });

    const copied = await s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: 'k',
        UploadId,
        PartNumber: 1,
        CopySource: `${Bucket}/source`,
        CopySourceRange: `bytes=0-${5 * MIB - 1}`,
      }),
    );
    const badRange = new UploadPartCopyCommand({
      Bucket,
      Key: 'k',
      UploadId,
      PartNumber: 1,
      CopySource: `${Bucket}/source`,
      CopySourceRange: 'bytes=5-',
    });
    expect(await failure(s3.send(badRange))).toMatchObject({ name: 'InvalidArgument' });
    const tail = await s3.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber: 7, Body: 'tail' }));
    const parts = await s3.send(new ListPartsCommand({ Bucket, Key: 'k', UploadId, MaxParts: 1 }));
    expect(parts).toMatchObject({ IsTruncated: true, NextPartNumberMarker: '1' });
    const rest = await s3.send(new ListPartsCommand({ Bucket, Key: 'k', UploadId, PartNumberMarker: '1' }));
    expect(rest.Parts).toMatchObject([{ PartNumber: 7, Size: 4, ETag: tail.ETag }]);

    const complete = (Parts: { PartNumber: number; ETag?: string | undefined }[]) =>
      failure(s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } })));
    const one = { PartNumber: 1, ETag: copied.CopyPartResult!.ETag };
    const seven = { PartNumber: 7, ETag: tail.ETag };
    expect(await complete([])).toMatchObject({ name: 'MalformedXML', status: 400 });
    expect(await complete([seven, one])).toMatchObject({ name: 'InvalidPartOrder' });
    expect(await complete([{ ...one, ETag: '"x"' }])).toMatchObject({ name: 'InvalidPart' });
    expect(await complete([one, seven])).toMatchObject({ name: 'none' });
    expect(await complete([one, seven])).toMatchObject({ name: 'none' });
    const whole = Buffer.concat([source.subarray(0, 5 * MIB), Buffer.from('tail')]);
    expect((await read(Bucket, 'k')).equals(whole)).toBe(true);

    await s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'l', UploadId: other }));
    const again = s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'l', UploadId: other }));
    expect(await failure(again)).toMatchObject({ name: 'NoSuchUpload', status: 404 });
  });

  it('verifies the checksums of parts and of the whole', async () => {
    const Bucket = await newBucket();
    const Key = 'k';
    const { UploadId, ChecksumAlgorithm } = await s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'SHA256' }),
    );
    expect(ChecksumAlgorithm).toBe('SHA256');
    const part = { Bucket, Key, UploadId, PartNumber: 1, Body: 'abc', ChecksumAlgorithm: 'SHA256' as const };
    const { ETag, ChecksumSHA256 } = await s3.send(new UploadPartCommand(part));
    expect(ChecksumSHA256).toBe(createHash('sha256').update('abc').digest('base64'));
    const complete = (ChecksumSHA: string) =>
      s3.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key,
          UploadId,
          MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumSHA256: ChecksumSHA }] },
        }),
      );
    const wrong = createHash('sha256').update('abd').digest('base64');
    expect(await failure(complete(wrong))).toMatchObject({ name: 'InvalidPart' });
    expect((await complete(ChecksumSHA256!)).ChecksumSHA256).toMatch(/-1$/);
  });
});

describe('presigned', () => {
  it('gets and puts for whoever holds the link, until it expires', async () => {
    const Bucket = await newBucket();
    const putUrl = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'p q', Metadata: { from: 'link' } }));
    const put = await fetch(putUrl, { method: 'PUT', body: 'by link' });
    expect([put.status, await put.text()]).toEqual([200, '']);
    const getUrl = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'p q', ResponseContentType: 'x/y' }));
    const got = await fetch(getUrl);
    expect([got.status, await got.text()]).toEqual([200, 'by link']);
    expect(got.headers.get('content-type')).toBe('x/y');
    expect(got.headers.get('x-amz-meta-from')).toBe('link');
    const old = new Date(Date.now() - 20_000);
    const expired = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'p q' }), {
      expiresIn: 10,
      signingDate: old,
    });
    const late = await fetch(expired);
    expect(late.status).toBe(403);
    expect(await late.text()).toContain('<Code>AccessDenied</Code>');
    const changed = await fetch(getUrl.replace('p%20q', 'other'));
    expect(await changed.text()).toContain('<Code>SignatureDoesNotMatch</Code>');
  });
});

describe('presigned by version 2, as boto3 does', () => {
  const link = (method: string, path: string, more: Record<string, string> = {}, expires = Date.now() / 1000 + 60) => {
    const { accessKeyId, secretAccessKey } = lake.rootKey;
    const Expires = String(Math.floor(expires));
    const amz = Object.entries(more)
      .filter(([name]) => name.startsWith('x-amz-'))
      .map(([name, value]) => `${name}:${value}\n`);
    const signed = Object.entries(more).filter(([name]) => name.startsWith('response-'));
    const resource = `${path}${signed.length === 0 ? '' : `?${signed.map((pair) => pair.join('=')).join('&')}`}`;
    const text = `${method}\n\n${more['content-type'] ?? ''}\n${Expires}\n${amz.join('')}${resource}`;
    const Signature = createHmac('sha1', secretAccessKey).update(text).digest('base64');
    return `${lake.endpoint}${path}?${new URLSearchParams({ AWSAccessKeyId: accessKeyId, Expires, Signature, ...more })}`;
  };

  it('gets and puts, and refuses what was changed or has expired', async () => {
    const Bucket = await newBucket();
    const path = `/${Bucket}/a%20b%C3%BC`;
    const put = await fetch(link('PUT', path, { 'x-amz-meta-m': '1', 'content-type': 'x/y' }), {
      method: 'PUT',
      body: Buffer.from('old link'),
    });
    expect([put.status, await put.text()]).toEqual([200, '']);
    expect(await s3.send(new HeadObjectCommand({ Bucket, Key: 'a bü' }))).toMatchObject({ Metadata: { m: '1' } });
    const got = await fetch(link('GET', path, { 'response-content-type': 'text/plain; charset=utf-8' }));
    expect([got.status, await got.text()]).toEqual([200, 'old link']);
    expect(got.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    const code = async (url: string, init = {}) => /<Code>(\w+)</.exec(await (await fetch(url, init)).text())?.[1];
    expect(await code(link('GET', path).replace('a%20b', 'other'))).toBe('SignatureDoesNotMatch');
    expect(await code(link('GET', path), { method: 'DELETE' })).toBe('SignatureDoesNotMatch');
    expect(await code(link('GET', path), { headers: { 'x-amz-acl': 'private' } })).toBe('SignatureDoesNotMatch');
    expect(await code(link('GET', path, {}, Date.now() / 1000 - 5))).toBe('AccessDenied');
    expect(await code(link('GET', path, {}, Date.now() / 1000 + 8 * 86_400))).toBe('AuthorizationQueryParametersError');
    expect(await code(link('GET', path).replace(lake.rootKey.accessKeyId, 'AKIANOBODY'))).toBe('InvalidAccessKeyId');
  });
});

describe('what is not there', () => {
  it('is named, and never pretended', async () => {
    const Bucket = await newBucket();
    await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    const acl = await failure(s3.send(new GetBucketMetadataConfigurationCommand({ Bucket })));
    expect(acl).toMatchObject({
      name: 'NotImplemented',
      status: 501,
      message: 'GetBucketMetadataConfiguration is not supported by Loch.',
    });
    const torrent = new GetObjectTorrentCommand({ Bucket, Key: 'k' });
    expect((await failure(s3.send(torrent))).message).toBe('GetObjectTorrent is not supported by Loch.');
    const put = (input: object) => failure(s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', ...input })));
    expect(await put({ ServerSideEncryption: 'aws:kms:dsse' })).toMatchObject({ name: 'NotImplemented', status: 501 });
    expect(await put({ StorageClass: 'TAPE' })).toMatchObject({ name: 'InvalidStorageClass', status: 400 });
    expect(await put({ ACL: 'public-read' })).toMatchObject({ name: 'AccessControlListNotSupported', status: 400 });
    expect(await put({ ACL: 'bucket-owner-full-control' })).toMatchObject({ name: 'none' });
    const version = new GetObjectCommand({ Bucket, Key: 'k', VersionId: 'abc' });
    expect(await failure(s3.send(version))).toMatchObject({ name: 'InvalidArgument' });
  });
});
