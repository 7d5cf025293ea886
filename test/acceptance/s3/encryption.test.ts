/**
 * Encryption of objects, by the cases of the public S3 conformance suite: a title begins with the name of its case.
 * A wrong customer key is held to AWS's answer (403) instead of the suite's (400), under plain titles.
 */
import { hash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contextOf } from '../../../src/testing/builders/request-context.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const PART = 5 * 1024 * 1024;
let lake: S3Lake;
let s3: S3Client;
let number = 0;

beforeAll(async () => {
  lake = await openS3Lake();
  s3 = lake.client();
});

afterAll(() => lake.close());

async function newBucket(): Promise<string> {
  const bucket = `sse-${++number}`;
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  return bucket;
}

const rootContext = () => {
  const context = contextOf('root');
  const arn = `arn:aws:iam::${S3_LAKE.accountId}:root`;
  const principal = { ...context.principal, arn, id: S3_LAKE.accountId, accountId: S3_LAKE.accountId };
  return { ...context, principal, accountId: S3_LAKE.accountId };
};

const newKey = () => lake.governance.keys.createKey(rootContext(), {});

const customer = (key = randomBytes(32)) => ({
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: key.toString('base64'),
  SSECustomerKeyMD5: hash('md5', key, 'base64'),
});

/** What a client is refused with: status and name. */
async function refusal(work: Promise<unknown>): Promise<[status: number | undefined, name: string]> {
  const error = await work.then(
    () => expect.unreachable('it was not refused'),
    (failure: Error & { $metadata: { httpStatusCode?: number } }) => failure,
  );
  return [error.$metadata.httpStatusCode, error.name];
}

async function bytesOf(bucket: string, key: string, more: object = {}): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...more }));
  return Buffer.from(await Body!.transformToByteArray());
}

async function roundTrip(bytes: number, how: Partial<PutObjectCommandInput>, read: object = {}) {
  const bucket = await newBucket();
  const body = randomBytes(bytes);
  const put = await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: body, ...how }));
  expect((await bytesOf(bucket, 'k', read)).equals(body)).toBe(true);
  if (bytes > 100_000) {
    const range = await bytesOf(bucket, 'k', { ...read, Range: 'bytes=65530-70000' });
    expect(range).toEqual(body.subarray(65530, 70_001));
  }
  return { bucket, body, put };
}

async function multipart(
  bucket: string,
  key: string,
  parts: readonly Buffer[],
  how: object,
  each: object = {},
  numbers?: number[],
) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ...how }));
  const sent: { PartNumber: number; ETag: string }[] = [];
  for (const [i, Body] of parts.entries()) {
    const PartNumber = numbers?.[i] ?? i + 1;
    const part = await s3.send(
      new UploadPartCommand({ Bucket: bucket, Key: key, UploadId, PartNumber, Body, ...each }),
    );
    sent.push({ PartNumber, ETag: part.ETag! });
  }
  sent.sort((a, b) => a.PartNumber - b.PartNumber);
  return s3.send(
    new CompleteMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId, MultipartUpload: { Parts: sent } }),
  );
}

describe('keys of the customer', () => {
  it.each([
    ['test_encrypted_transfer_1b', 1],
    ['test_encrypted_transfer_1kb', 1024],
    ['test_encrypted_transfer_1MB', 1024 * 1024],
    ['test_encrypted_transfer_13b', 13],
  ])('%s: what was put comes back, whole and by ranges', async (_, bytes) => {
    const key = customer();
    const { put, body, bucket } = await roundTrip(bytes, key, key);
    expect(put).toMatchObject({ SSECustomerAlgorithm: 'AES256', SSECustomerKeyMD5: key.SSECustomerKeyMD5 });
    expect(put.ETag).not.toContain(hash('md5', body));
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'k', ...key }));
    expect(head).toMatchObject({ ContentLength: bytes, SSECustomerAlgorithm: 'AES256', ETag: put.ETag });
  });

  it('test_encryption_sse_c_method_head: a head needs the key too', async () => {
    const key = customer();
    const { bucket } = await roundTrip(1000, key, key);
    expect(await refusal(s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'k' })))).toEqual([400, 'Unknown']);
    await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'k', ...key }));
  });

  it('test_encryption_sse_c_present: a read without the key is refused', async () => {
    const key = customer();
    const { bucket } = await roundTrip(1000, key, key);
    expect(await refusal(bytesOf(bucket, 'k'))).toEqual([400, 'InvalidRequest']);
  });

  it('a read with another key is denied', async () => {
    const key = customer();
    const { bucket } = await roundTrip(100, key, key);
    expect(await refusal(bytesOf(bucket, 'k', customer()))).toEqual([403, 'AccessDenied']);
  });

  const put = async (headers: Record<string, string>) => {
    const bucket = await newBucket();
    const command = new PutObjectCommand({ Bucket: bucket, Key: 'k', Body: 'x' });
    command.middlewareStack.add(
      (next) => (args) => {
        Object.assign((args.request as { headers: Record<string, string> }).headers, headers);
        return next(args);
      },
      { step: 'build' },
    );
    return refusal(s3.send(command));
  };
  const header = (name: string) => `x-amz-server-side-encryption-customer-${name}`;
  const key = randomBytes(32).toString('base64');
  const md5 = hash('md5', Buffer.from(key, 'base64'), 'base64');

  it('test_encryption_sse_c_invalid_md5: an MD5 of another key is refused', async () => {
    const other = hash('md5', 'other', 'base64');
    const headers = { [header('algorithm')]: 'AES256', [header('key')]: key, [header('key-md5')]: other };
    expect(await put(headers)).toEqual([400, 'InvalidArgument']);
  });

  it('test_encryption_sse_c_no_md5: a key without its MD5 is refused', async () => {
    expect(await put({ [header('algorithm')]: 'AES256', [header('key')]: key })).toEqual([400, 'InvalidArgument']);
  });

  it('test_encryption_sse_c_no_key: the algorithm without a key is refused', async () => {
    expect(await put({ [header('algorithm')]: 'AES256' })).toEqual([400, 'InvalidArgument']);
  });

  it('test_encryption_key_no_sse_c: a key without the algorithm is refused', async () => {
    expect(await put({ [header('key')]: key, [header('key-md5')]: md5 })).toEqual([400, 'InvalidArgument']);
    const wrong = { [header('algorithm')]: 'AES192', [header('key')]: key, [header('key-md5')]: md5 };
    expect(await put(wrong)).toEqual([400, 'InvalidEncryptionAlgorithmError']);
  });

  it('test_encryption_sse_c_multipart_upload: parts under the key make one object under it', async () => {
    const bucket = await newBucket();
    const sse = customer();
    const parts = [randomBytes(PART), randomBytes(PART), randomBytes(10_000)];
    await multipart(bucket, 'k', parts, { ...sse, Metadata: { foo: 'bar' } }, sse);
    const whole = Buffer.concat(parts);
    expect((await bytesOf(bucket, 'k', sse)).equals(whole)).toBe(true);
    const { Metadata } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'k', ...sse }));
    expect(Metadata).toEqual({ foo: 'bar' });
    const across = await bytesOf(bucket, 'k', { ...sse, Range: `bytes=${PART - 5}-${PART + 5}` });
    expect(across).toEqual(whole.subarray(PART - 5, PART + 6));
  });

  it('a part under another key is denied', async () => {
    const bucket = await newBucket();
    const work = multipart(bucket, 'k', [randomBytes(PART)], customer(), customer());
    expect(await refusal(work)).toEqual([403, 'AccessDenied']);
  });

  it('test_encryption_sse_c_multipart_invalid_chunks_2: a part without the key is refused, and one with a key for a plain upload', async () => {
    const bucket = await newBucket();
    expect(await refusal(multipart(bucket, 'k', [randomBytes(10)], customer(), {}))).toEqual([400, 'InvalidRequest']);
    expect(await refusal(multipart(bucket, 'k', [randomBytes(10)], {}, customer()))).toEqual([400, 'InvalidRequest']);
  });

  it('in an upload, another key than that of the parts reads nothing', async () => {
    const bucket = await newBucket();
    const sse = customer();
    await multipart(bucket, 'k', [randomBytes(10_000)], sse, sse);
    expect(await refusal(bytesOf(bucket, 'k', customer()))).toEqual([403, 'AccessDenied']);
  });

  it('refuses a customer key for an object that has none, and keys over plain HTTP unless the setting allows it', async () => {
    const { bucket } = await roundTrip(10, {});
    expect(await refusal(bytesOf(bucket, 'k', customer()))).toEqual([400, 'InvalidRequest']);
    const strict = await openS3Lake({ customerKeysOverHttp: false });
    try {
      const client = strict.client();
      await client.send(new CreateBucketCommand({ Bucket: 'b-1' }));
      const put = client.send(new PutObjectCommand({ Bucket: 'b-1', Key: 'k', Body: 'x', ...customer() }));
      expect(await refusal(put)).toEqual([400, 'InvalidRequest']);
    } finally {
      await strict.close();
    }
  });

  it('test_encryption_sse_c_enforced_with_bucket_policy and test_encryption_sse_c_deny_algo_with_bucket_policy: a policy sees the algorithm', async () => {
    const bucket = await newBucket();
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:PutObject',
          Resource: `arn:aws:s3:::${bucket}/*`,
          Condition: { Null: { 's3:x-amz-server-side-encryption-customer-algorithm': 'true' } },
        },
      ],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }));
    const input = { Bucket: bucket, Key: 'k', Body: 'x' };
    expect(await refusal(s3.send(new PutObjectCommand(input)))).toEqual([403, 'AccessDenied']);
    await s3.send(new PutObjectCommand({ ...input, ...customer() }));
  });
});

describe('keys of the key service', () => {
  it.each([
    ['test_sse_kms_transfer_1b', 1],
    ['test_sse_kms_present', 100],
    ['test_sse_kms_transfer_1kb', 1024],
    ['test_sse_kms_transfer_1MB', 1024 * 1024],
    ['test_sse_kms_transfer_13b', 13],
  ])('%s: what was put comes back, whole and by ranges', async (_, bytes) => {
    const { arn } = await newKey();
    const { put, body } = await roundTrip(bytes, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn });
    expect(put).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn });
    expect(put.ETag).not.toContain(hash('md5', body));
  });

  it('test_sse_kms_method_head and test_sse_kms_read_declare: a read tells the key, and takes no headers of writes', async () => {
    const { arn } = await newKey();
    const { bucket } = await roundTrip(1000, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn });
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'k' }));
    expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn });
    const declaring = (command: GetObjectCommand | HeadObjectCommand) => {
      (command as GetObjectCommand).middlewareStack.add(
        (next) => (args) => {
          (args.request as { headers: Record<string, string> }).headers['x-amz-server-side-encryption'] = 'aws:kms';
          return next(args);
        },
        { step: 'build' },
      );
      return refusal(s3.send(command as GetObjectCommand));
    };
    expect((await declaring(new HeadObjectCommand({ Bucket: bucket, Key: 'k' })))[0]).toBe(400);
    expect((await declaring(new GetObjectCommand({ Bucket: bucket, Key: 'k' })))[0]).toBe(400);
  });

  it('without a key the lake makes its own for S3, which nobody uses otherwise', async () => {
    const { put } = await roundTrip(100, { ServerSideEncryption: 'aws:kms' });
    const info = await lake.governance.keys.describeKey(rootContext(), 'alias/aws/s3');
    expect(put.SSEKMSKeyId).toBe(info.arn);
    expect(info.manager).toBe('AWS');
    const direct = lake.governance.keys.encrypt(rootContext(), 'alias/aws/s3', Buffer.from('x'));
    await expect(direct).rejects.toMatchObject({ code: 'access_denied' });
  });

  it('test_sse_kms_not_declared: a key without the algorithm is refused, and a key that is not there', async () => {
    const bucket = await newBucket();
    const input = { Bucket: bucket, Key: 'k', Body: 'x' };
    expect(await refusal(s3.send(new PutObjectCommand({ ...input, SSEKMSKeyId: 'testkey-1' })))).toEqual([
      400,
      'InvalidArgument',
    ]);
    const missing = new PutObjectCommand({ ...input, ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/nobody' });
    expect(await refusal(s3.send(missing))).toEqual([400, 'KMS.NotFoundException']);
    const dsse = new PutObjectCommand({ ...input, ServerSideEncryption: 'aws:kms:dsse' });
    expect(await refusal(s3.send(dsse))).toEqual([501, 'NotImplemented']);
  });

  it('test_sse_kms_multipart_upload: parts out of order and with holes between their numbers make one object', async () => {
    const { arn } = await newKey();
    const bucket = await newBucket();
    const parts = [randomBytes(20_000), randomBytes(PART), randomBytes(PART)];
    await multipart(bucket, 'k', parts, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn }, {}, [9, 2, 5]);
    const whole = Buffer.concat([parts[1]!, parts[2]!, parts[0]!]);
    expect((await bytesOf(bucket, 'k')).equals(whole)).toBe(true);
    expect((await bytesOf(bucket, 'k', { Range: 'bytes=-20005' })).equals(whole.subarray(-20_005))).toBe(true);
  });

  it('stops reads at once when the key is disabled, and needs kms:Decrypt of the reader', async () => {
    const { arn, keyId } = await newKey();
    for (const BucketKeyEnabled of [false, true]) {
      const how = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn, BucketKeyEnabled } as const;
      const { bucket, put, body } = await roundTrip(1000, how);
      expect(put.BucketKeyEnabled ?? false).toBe(BucketKeyEnabled);
      const reader = await lake.user(`reader-${bucket}`, { Effect: 'Allow', Action: 's3:*', Resource: '*' });
      const theirs = lake.client(reader);
      const read = (client: S3Client) => client.send(new GetObjectCommand({ Bucket: bucket, Key: 'k' }));
      expect(await refusal(read(theirs))).toEqual([403, 'AccessDenied']);
      await lake.governance.keys.setEnabled(rootContext(), keyId, false);
      expect(await refusal(read(s3))).toEqual([400, 'KMS.DisabledException']);
      expect(await refusal(s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'n', Body: 'x', ...how })))).toEqual([
        400,
        'KMS.DisabledException',
      ]);
      await lake.governance.keys.setEnabled(rootContext(), keyId, true);
      expect(await bytesOf(bucket, 'k')).toEqual(body);
    }
  });

  it('records every unwrap, with the object as context; with a bucket key one for many objects', async () => {
    const { arn } = await newKey();
    const uses = async () => {
      const query = { attributes: [{ key: 'ResourceName', value: arn }], max: 50 };
      return (await lake.governance.trail.lookupEvents(rootContext(), query)).events.map((event) => event.eventName);
    };
    const { bucket } = await roundTrip(10, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn });
    expect((await uses()).sort()).toEqual(
      ['CreateKey', 'Decrypt', 'GenerateDataKey'].filter((name) => name !== 'CreateKey'),
    );
    const how = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn, BucketKeyEnabled: true } as const;
    for (let i = 0; i < 5; i++) {
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: `b-${i}`, Body: 'x', ...how }));
      await bytesOf(bucket, `b-${i}`);
    }
    expect((await uses()).filter((name) => name === 'GenerateDataKey')).toHaveLength(2);
    expect((await uses()).filter((name) => name === 'Decrypt')).toHaveLength(2);
  });

  it('takes an encryption context, which policies of the key can ask for', async () => {
    const { arn, keyId } = await newKey();
    const root = `arn:aws:iam::${S3_LAKE.accountId}:root`;
    const north = { StringNotEquals: { 'kms:EncryptionContext:tenant': 'north' } };
    const Statement = [
      { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' },
      { Effect: 'Deny', Principal: '*', Action: 'kms:GenerateDataKey', Resource: '*', Condition: north },
    ];
    const policy = JSON.stringify({ Version: '2012-10-17', Statement });
    await lake.governance.keys.putPolicy(rootContext(), keyId, policy);
    const SSEKMSEncryptionContext = Buffer.from(JSON.stringify({ tenant: 'north' })).toString('base64');
    await roundTrip(10, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn, SSEKMSEncryptionContext });
    const without = roundTrip(10, { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn });
    expect(await refusal(without)).toEqual([403, 'AccessDenied']);
  });
});

describe('defaults of a bucket', () => {
  const rule = (algorithm: 'AES256' | 'aws:kms', keyId?: string) => ({
    Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId } }],
  });

  it('test_put_bucket_encryption_s3, test_get_bucket_encryption_s3, test_delete_bucket_encryption_s3: are put, told and taken away', async () => {
    const Bucket = await newBucket();
    const get = () => s3.send(new GetBucketEncryptionCommand({ Bucket }));
    expect(await refusal(get())).toEqual([404, 'ServerSideEncryptionConfigurationNotFoundError']);
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: rule('AES256') }));
    const told = await get();
    expect(told.ServerSideEncryptionConfiguration!.Rules).toEqual([
      { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false },
    ]);
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
    expect(await refusal(get())).toEqual([404, 'ServerSideEncryptionConfigurationNotFoundError']);
  });

  it('test_put_bucket_encryption_kms, test_get_bucket_encryption_kms, test_delete_bucket_encryption_kms: with a key', async () => {
    const Bucket = await newBucket();
    await s3.send(
      new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: rule('aws:kms', 'test-key') }),
    );
    const told = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    const [applied] = told.ServerSideEncryptionConfiguration!.Rules!;
    expect(applied!.ApplyServerSideEncryptionByDefault).toEqual({
      SSEAlgorithm: 'aws:kms',
      KMSMasterKeyID: 'test-key',
    });
    await s3.send(new DeleteBucketEncryptionCommand({ Bucket }));
  });

  it.each([
    ['test_sse_s3_default_upload_1b', 1],
    ['test_sse_s3_default_upload_1kb', 1024],
    ['test_sse_s3_default_upload_1mb', 1024 * 1024],
    ['test_sse_s3_default_upload_8mb', 8 * 1024 * 1024],
  ])('%s: a write that asks for nothing is encrypted as the bucket says', async (_, bytes) => {
    const Bucket = await newBucket();
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: rule('AES256') }));
    const body = randomBytes(bytes);
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: body }));
    expect(put).toMatchObject({ ServerSideEncryption: 'AES256', ETag: `"${hash('md5', body)}"` });
    expect((await bytesOf(Bucket, 'k')).equals(body)).toBe(true);
  });

  it('test_sse_s3_default_method_head and test_sse_s3_default_multipart_upload: heads tell it, parts follow it', async () => {
    const Bucket = await newBucket();
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: rule('AES256') }));
    const parts = [randomBytes(PART), randomBytes(1000)];
    await multipart(Bucket, 'k', parts, {});
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'k' }));
    expect(head.ServerSideEncryption).toBe('AES256');
    expect((await bytesOf(Bucket, 'k')).equals(Buffer.concat(parts))).toBe(true);
  });

  it.each([
    ['test_sse_kms_default_upload_1b', 1],
    ['test_sse_kms_default_upload_1kb', 1024],
    ['test_sse_kms_default_upload_1mb', 1024 * 1024],
    ['test_sse_kms_default_upload_8mb', 8 * 1024 * 1024],
  ])('%s: by a key of the key service', async (_, bytes) => {
    const body = Buffer.alloc(bytes, 'A');
    const Bucket = await newBucket();
    const { arn } = await newKey();
    await s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: rule('aws:kms', arn) }));
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: body }));
    expect(put).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn });
    expect((await bytesOf(Bucket, 'k')).equals(body)).toBe(true);
  });

  it.each([
    ['test_sse_s3_encrypted_upload_1b', 1],
    ['test_sse_s3_encrypted_upload_1kb', 1024],
    ['test_sse_s3_encrypted_upload_1mb', 1024 * 1024],
    ['test_sse_s3_encrypted_upload_8mb', 8 * 1024 * 1024],
  ])('%s: a write may ask for it itself', async (_, bytes) => {
    const { put, body } = await roundTrip(bytes, { ServerSideEncryption: 'AES256' });
    expect(put).toMatchObject({ ServerSideEncryption: 'AES256', ETag: `"${hash('md5', body)}"` });
  });

  it('a policy can require it', async () => {
    const Bucket = await newBucket();
    const deny = (Condition: object) => ({
      Effect: 'Deny',
      Principal: '*',
      Action: 's3:PutObject',
      Resource: `arn:aws:s3:::${Bucket}/*`,
      Condition,
    });
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [
        deny({ StringNotEquals: { 's3:x-amz-server-side-encryption': 'AES256' } }),
        deny({ Null: { 's3:x-amz-server-side-encryption': 'true' } }),
      ],
    });
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    const put = (more: object) => s3.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x', ...more }));
    expect(await refusal(put({}))).toEqual([403, 'AccessDenied']);
    expect(await refusal(put({ ServerSideEncryption: 'aws:kms' }))).toEqual([403, 'AccessDenied']);
    await put({ ServerSideEncryption: 'AES256' });
  });
});

describe('copies', () => {
  const kinds = ['none', 'AES256', 'aws:kms', 'customer'] as const;
  const pairs = kinds.flatMap((from) => kinds.map((to) => [from, to] as const));

  it.each(pairs)('copies from %s to %s, small and large', async (from, to) => {
    const Bucket = await newBucket();
    const { arn } = await newKey();
    const [mine, theirs] = [customer(), customer()];
    const asked = (kind: (typeof kinds)[number], sse: ReturnType<typeof customer>) => {
      if (kind === 'none') return {};
      if (kind === 'AES256') return { ServerSideEncryption: 'AES256' as const };
      if (kind === 'aws:kms') return { ServerSideEncryption: 'aws:kms' as const, SSEKMSKeyId: arn };
      return sse;
    };
    const source = (sse: ReturnType<typeof customer>) => ({
      CopySourceSSECustomerAlgorithm: sse.SSECustomerAlgorithm,
      CopySourceSSECustomerKey: sse.SSECustomerKey,
      CopySourceSSECustomerKeyMD5: sse.SSECustomerKeyMD5,
    });
    for (const bytes of [100, 200_000]) {
      const body = randomBytes(bytes);
      const how = { Metadata: { kept: 'yes' }, ContentType: 'text/x-copy', ...asked(from, mine) };
      await s3.send(new PutObjectCommand({ Bucket, Key: 'from', Body: body, ...how }));
      const copied = await s3.send(
        new CopyObjectCommand({
          Bucket,
          Key: 'to',
          CopySource: `${Bucket}/from`,
          ...asked(to, theirs),
          ...(from === 'customer' ? source(mine) : {}),
        }),
      );
      expect(copied.ServerSideEncryption).toBe(to === 'AES256' || to === 'aws:kms' ? to : undefined);
      const read = to === 'customer' ? theirs : {};
      expect((await bytesOf(Bucket, 'to', read)).equals(body)).toBe(true);
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'to', ...read }));
      expect(head).toMatchObject({ Metadata: { kept: 'yes' }, ContentType: 'text/x-copy' });
      if (to === 'none' || to === 'AES256') expect(head.ETag).toBe(`"${hash('md5', body)}"`);
    }
  });

  it('copies a part from an encrypted object into an upload under another key', async () => {
    const Bucket = await newBucket();
    const [mine, theirs] = [customer(), customer()];
    const body = randomBytes(200_000);
    await s3.send(new PutObjectCommand({ Bucket, Key: 'from', Body: body, ...mine }));
    const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'to', ...theirs }));
    const part = await s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: 'to',
        UploadId,
        PartNumber: 1,
        CopySource: `${Bucket}/from`,
        CopySourceRange: 'bytes=1000-150000',
        CopySourceSSECustomerAlgorithm: mine.SSECustomerAlgorithm,
        CopySourceSSECustomerKey: mine.SSECustomerKey,
        CopySourceSSECustomerKeyMD5: mine.SSECustomerKeyMD5,
        ...theirs,
      }),
    );
    const Parts = [{ PartNumber: 1, ETag: part.CopyPartResult!.ETag }];
    await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'to', UploadId, MultipartUpload: { Parts } }));
    expect((await bytesOf(Bucket, 'to', theirs)).equals(body.subarray(1000, 150_001))).toBe(true);
  });
});

describe('the disk', () => {
  function* filesBelow(folder: string): Generator<string> {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) yield* filesBelow(path);
      else if (entry.isFile()) yield path;
    }
  }

  it('holds nothing of what was written encrypted, by whatever path, while it is written and after', async () => {
    const { arn } = await newKey();
    const canary = `canary-${randomBytes(12).toString('hex')}`;
    const holders = () => [...filesBelow(lake.directory)].filter((file) => readFileSync(file).includes(canary));
    const Bucket = await newBucket();
    const sse = customer();
    const ways: object[] = [
      { ServerSideEncryption: 'AES256' },
      { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: arn },
      sse,
    ];
    const large = Buffer.from(canary.repeat(Math.ceil(PART / canary.length)));
    for (const [i, how] of ways.entries()) {
      const each = 'SSECustomerKey' in how ? how : {};
      await s3.send(new PutObjectCommand({ Bucket, Key: `small-${i}`, Body: canary, ...how }));
      await s3.send(new PutObjectCommand({ Bucket, Key: `large-${i}`, Body: large, ...how }));
      const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: `open-${i}`, ...how }));
      await s3.send(new UploadPartCommand({ Bucket, Key: `open-${i}`, UploadId, PartNumber: 1, Body: large, ...each }));
      await multipart(Bucket, `parts-${i}`, [large, Buffer.from(canary)], how, each);
      await bytesOf(Bucket, `large-${i}`, each);
    }
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'copy',
        CopySource: `${Bucket}/large-0`,
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: arn,
      }),
    );
    expect(holders()).toEqual([]);
    expect(
      [...filesBelow(lake.directory)].filter((file) =>
        readFileSync(file).includes(Buffer.from(sse.SSECustomerKey, 'base64')),
      ),
    ).toEqual([]);
    // The search finds what is there to be found.
    await s3.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: canary }));
    expect(holders()).toHaveLength(1);
  });

  it('holds nothing of it in a colder tier either, from where it is read as before', async () => {
    const canary = `canary-${randomBytes(12).toString('hex')}`;
    const body = Buffer.from(canary.repeat(10_000));
    const Bucket = await newBucket();
    const sse = customer();
    const cold = { StorageClass: 'STANDARD_IA' as const, Bucket };
    await s3.send(new PutObjectCommand({ ...cold, Key: 'own', Body: body, ServerSideEncryption: 'AES256' }));
    await s3.send(new PutObjectCommand({ ...cold, Key: 'customer', Body: body, ...sse }));
    await s3.send(new PutObjectCommand({ ...cold, Key: 'small', Body: canary, ServerSideEncryption: 'AES256' }));
    const { moved } = await lake.objects.tiers!.settle();
    expect(moved).toBe(3);
    expect((await bytesOf(Bucket, 'own')).equals(body)).toBe(true);
    expect(
      (await bytesOf(Bucket, 'customer', { ...sse, Range: 'bytes=70000-70100' })).equals(body.subarray(70_000, 70_101)),
    ).toBe(true);
    expect((await bytesOf(Bucket, 'small')).toString()).toBe(canary);
    expect([...filesBelow(lake.directory)].filter((file) => readFileSync(file).includes(canary))).toEqual([]);
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'own',
        CopySource: `${Bucket}/own`,
        StorageClass: 'STANDARD',
        ServerSideEncryption: 'AES256',
      }),
    );
    await lake.objects.tiers!.settle();
    expect((await bytesOf(Bucket, 'own')).equals(body)).toBe(true);
  });

  it('whose bytes were changed, swapped or cut gives an error and no wrong byte', async () => {
    const { bucket } = await roundTrip(600_000, { ServerSideEncryption: 'AES256' });
    const file = [...filesBelow(join(lake.directory, 'objects', bucket))][0]!;
    const whole = readFileSync(file);
    const changed = Buffer.from(whole);
    changed[150_000]! ^= 1;
    for (const bytes of [
      changed,
      whole.subarray(0, whole.length - 20),
      Buffer.concat([whole.subarray(0, 32), whole.subarray(32 + 262_160), whole.subarray(32, 32 + 262_160)]),
    ]) {
      writeFileSync(file, bytes);
      await expect(bytesOf(bucket, 'k')).rejects.toThrow();
    }
    writeFileSync(file, whole);
    expect(await bytesOf(bucket, 'k')).toHaveLength(600_000);
  });

  it('opens files for engines only where plain bytes may lie', async () => {
    const { bucket, body } = await roundTrip(100_000, { ServerSideEncryption: 'AES256' });
    const ref = { bucket, key: 'k' };
    const [path] = await lake.objects.openFiles([ref], join(lake.directory, 'work', 'one'));
    expect(readFileSync(path!)).toEqual(body);
    const strict = await openS3Lake({ plaintextFiles: false });
    try {
      const client = strict.client();
      await client.send(new CreateBucketCommand({ Bucket: 'b-1' }));
      await client.send(new PutObjectCommand({ Bucket: 'b-1', Key: 'k', Body: 'x', ServerSideEncryption: 'AES256' }));
      const opened = strict.objects.openFiles([{ bucket: 'b-1', key: 'k' }], join(strict.directory, 'work'));
      await expect(opened).rejects.toMatchObject({
        code: 'statement_refused',
        message: expect.stringContaining('work_dir'),
      });
    } finally {
      await strict.close();
    }
  });
});
