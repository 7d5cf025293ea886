/** Inventories through the S3 door, with lists compared to full listings by the official SDK. */
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Lake, type S3Lake } from '../../testing/builders/s3-lake.ts';
import { contextOf } from '../../testing/builders/test-lake.ts';

const Bucket = 'source-bucket';
const LISTS = 'list-bucket';
const ALL_FIELDS: s3.InventoryOptionalField[] = [
  ...(['Size', 'LastModifiedDate', 'ETag', 'StorageClass', 'IsMultipartUploaded', 'EncryptionStatus'] as const),
  ...(['ObjectLockMode', 'ObjectLockLegalHoldStatus', 'ObjectLockRetainUntilDate', 'ChecksumAlgorithm'] as const),
];

let lake: S3Lake;
let root: s3.S3Client;

beforeAll(async () => {
  lake = await openS3Lake();
  root = lake.client();
  await root.send(new s3.CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
  await root.send(new s3.CreateBucketCommand({ Bucket: LISTS }));
  for (const Key of ['a/one', 'a/two', 'b/"quoted", new\nline', 'b/ü 🐟', 'root']) {
    for (const Body of ['first', 'second, longer']) await root.send(new s3.PutObjectCommand({ Bucket, Key, Body }));
  }
  await root.send(new s3.DeleteObjectCommand({ Bucket, Key: 'a/two' }));
  const held = { Key: 'root', ObjectLockLegalHoldStatus: 'ON', ServerSideEncryption: 'AES256' } as const;
  await root.send(new s3.PutObjectCommand({ Bucket, Body: 'held', StorageClass: 'STANDARD_IA', ...held }));
  const upload = await root.send(new s3.CreateMultipartUploadCommand({ Bucket, Key: 'c/parts' }));
  const part = { Bucket, Key: 'c/parts', UploadId: upload.UploadId!, PartNumber: 1 };
  const { ETag } = await root.send(new s3.UploadPartCommand({ ...part, Body: 'one part' }));
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag: ETag! }] };
  await root.send(new s3.CompleteMultipartUploadCommand({ ...part, MultipartUpload }));
});
afterAll(() => lake.close());

const configured = (
  Id: string,
  change: Partial<s3.InventoryConfiguration> = {},
  target: Partial<s3.InventoryS3BucketDestination> = {},
): s3.InventoryConfiguration => ({
  Id,
  IsEnabled: true,
  IncludedObjectVersions: 'All',
  OptionalFields: ALL_FIELDS,
  Schedule: { Frequency: 'Daily' },
  Destination: { S3BucketDestination: { Bucket: `arn:aws:s3:::${LISTS}`, Format: 'CSV', Prefix: 'lists', ...target } },
  ...change,
});
const put = (InventoryConfiguration: s3.InventoryConfiguration, client = root) => {
  const Id = InventoryConfiguration.Id!;
  return client.send(new s3.PutBucketInventoryConfigurationCommand({ Bucket, Id, InventoryConfiguration }));
};

const rootContext = async () =>
  contextOf((await lake.governance.identities.principal('arn:aws:iam::123456789012:root'))!);
const run = async (id: string) => lake.upkeep.inventories.run(await rootContext(), Bucket, id);

async function bytesOf(Key: string): Promise<Buffer> {
  const { Body } = await root.send(new s3.GetObjectCommand({ Bucket: LISTS, Key }));
  return Buffer.from(await Body!.transformToByteArray());
}

interface Manifest {
  readonly sourceBucket: string;
  readonly destinationBucket: string;
  readonly fileFormat: string;
  readonly fileSchema: string;
  readonly files: readonly { readonly key: string; readonly size: number; readonly MD5checksum: string }[];
}

/** The manifest and the bytes of its files, all compared with their checksums. */
async function listOf(id: string): Promise<{ readonly manifest: Manifest; readonly files: readonly Buffer[] }> {
  const { manifest: key } = await run(id);
  expect(key).toMatch(new RegExp(`^lists/${Bucket}/${id}/\\d{4}-\\d\\d-\\d\\dT00-00Z/manifest\\.json$`));
  const bytes = await bytesOf(key!);
  const checksum = await bytesOf(key!.replace('manifest.json', 'manifest.checksum'));
  expect(checksum.toString()).toBe(createHash('md5').update(bytes).digest('hex'));
  const manifest = JSON.parse(bytes.toString()) as Manifest;
  const files: Buffer[] = [];
  for (const file of manifest.files) {
    expect(file.key.startsWith(`lists/${Bucket}/${id}/data/`)).toBe(true);
    const content = await bytesOf(file.key);
    expect([content.length, createHash('md5').update(content).digest('hex')]).toEqual([file.size, file.MD5checksum]);
    files.push(content);
  }
  return { manifest, files };
}

/** The full listing by the SDK, as rows of a list of all versions. */
async function fullListing() {
  const { Versions = [], DeleteMarkers = [] } = await root.send(new s3.ListObjectVersionsCommand({ Bucket }));
  const rows = [
    ...Versions.map((version) => ({ ...version, marker: false })),
    ...DeleteMarkers.map((marker) => ({
      ...marker,
      Size: undefined,
      ETag: undefined,
      StorageClass: undefined,
      marker: true,
    })),
  ].map(({ Key, VersionId, IsLatest, marker, Size, LastModified, ETag, StorageClass }) =>
    [
      ...[Bucket, Key!, VersionId!, String(IsLatest), String(marker), Size === undefined ? '' : String(Size)],
      ...[LastModified!.toISOString(), ETag?.replaceAll('"', '') ?? '', StorageClass ?? ''],
    ].join('|'),
  );
  return rows.toSorted();
}

const decodedKey = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
const csvCells = (line: string) => line.slice(1, -1).split('","');

describe('a list in CSV', () => {
  it('holds every version exactly as a full listing does, with what is told of each', async () => {
    await put(configured('all-csv'));
    const { manifest, files } = await listOf('all-csv');
    expect(manifest).toMatchObject({
      sourceBucket: Bucket,
      destinationBucket: `arn:aws:s3:::${LISTS}`,
      fileFormat: 'CSV',
    });
    const names = manifest.fileSchema.split(', ');
    expect(names).toEqual(
      `Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, IsMultipartUploaded,
      EncryptionStatus, ObjectLockRetainUntilDate, ObjectLockMode, ObjectLockLegalHoldStatus, ChecksumAlgorithm`.split(
        /,\s+/,
      ),
    );
    const lines = files.flatMap((file) => gunzipSync(file).toString().trimEnd().split('\n')).map(csvCells);
    const shown = lines.map(([bucket, key, ...rest]) => [bucket, decodedKey(key!), ...rest.slice(0, 7)]);
    // Times on the wire are whole seconds.
    const seconds = (row: readonly (string | undefined)[]) =>
      row.map((cell, i) => (i === 6 ? cell!.replace(/\.\d{3}Z$/, '.000Z') : cell)).join('|');
    const full = (await fullListing()).map((row) => row.replace(/\.\d{3}Z/, '.000Z'));
    expect(shown.map(seconds).toSorted()).toEqual(full);
    const cell = (key: string, name: string) =>
      lines.find((row) => row[1] === key && row[3] === 'true')![names.indexOf(name)];
    expect(cell('c/parts', 'IsMultipartUploaded')).toBe('true');
    expect(cell('root', 'IsMultipartUploaded')).toBe('false');
    expect(cell('root', 'StorageClass')).toBe('STANDARD_IA');
    expect(cell('root', 'ObjectLockLegalHoldStatus')).toBe('ON');
    expect(cell('root', 'EncryptionStatus')).toBe('SSE-S3');
    expect(cell('a/one', 'EncryptionStatus')).toBe('NOT-SSE');
    expect(cell('root', 'ChecksumAlgorithm')).toMatch(/CRC32/);
  });

  it('holds what is current below a prefix only, where that is asked for', async () => {
    await put(
      configured('current', { IncludedObjectVersions: 'Current', Filter: { Prefix: 'a/' }, OptionalFields: ['Size'] }),
    );
    const { manifest, files } = await listOf('current');
    expect(manifest.fileSchema).toBe('Bucket, Key, Size');
    expect(gunzipSync(files[0]!).toString()).toBe(`"${Bucket}","a/one","14"\n`);
  });
});

describe('a list in Parquet', () => {
  it('holds every version with its types, as a statement over it tells', async () => {
    await put(configured('all-parquet', {}, { Format: 'Parquet' }));
    const { manifest } = await listOf('all-parquet');
    expect(manifest.fileSchema).toContain('required binary key (UTF8); optional binary version_id (UTF8);');
    const { Payload } = await root.send(
      new s3.SelectObjectContentCommand({
        Bucket: LISTS,
        Key: manifest.files[0]!.key,
        ExpressionType: 'SQL',
        Expression: 'SELECT * FROM s3object s',
        InputSerialization: { Parquet: {} },
        OutputSerialization: { JSON: {} },
      }),
    );
    let text = '';
    for await (const event of Payload!) text += Buffer.from(event.Records?.Payload ?? []).toString();
    type Row = Record<string, string | number | boolean | null | undefined>;
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    const shown = rows.map((row) =>
      [
        ...[row.bucket, row.key, row.version_id, row.is_latest, row.is_delete_marker, row.size ?? '', 'time'],
        ...[row.e_tag ?? '', row.storage_class ?? ''],
      ].join('|'),
    );
    expect(shown.toSorted()).toEqual((await fullListing()).map((row) => row.replace(/[^|]*Z\|/, 'time|')).toSorted());
  });
});

describe('configurations', () => {
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: s3.S3ServiceException) => `${error.$metadata.httpStatusCode} ${error.name}: ${error.message}`,
    );

  it('are given back as they were put, listed by pages and removed', async () => {
    const given = configured('kept', {}, { AccountId: '123456789012', Encryption: { SSES3: {} } });
    await put(given);
    const got = await root.send(new s3.GetBucketInventoryConfigurationCommand({ Bucket, Id: 'kept' }));
    expect(got.InventoryConfiguration).toEqual(given);
    const listed = await root.send(new s3.ListBucketInventoryConfigurationsCommand({ Bucket }));
    expect(listed.InventoryConfigurationList!.map(({ Id }) => Id)).toContain('kept');
    await root.send(new s3.DeleteBucketInventoryConfigurationCommand({ Bucket, Id: 'kept' }));
    expect(await failure(root.send(new s3.GetBucketInventoryConfigurationCommand({ Bucket, Id: 'kept' })))).toMatch(
      /^404 NoSuchConfiguration/,
    );
  });

  it('are refused by name in ORC, for another account, without a destination, or under another id', async () => {
    expect(await failure(put(configured('orc', {}, { Format: 'ORC' })))).toMatch(/^501 NotImplemented: .*ORC/);
    expect(await failure(put(configured('acl', { OptionalFields: ['ObjectAccessControlList'] })))).toMatch(
      /^501 NotImplemented: .*ObjectAccessControlList/,
    );
    const nowhere = configured('nowhere', {}, { Bucket: 'arn:aws:s3:::no-such-bucket-there' });
    expect(await failure(put(nowhere))).toMatch(/^400 InvalidS3DestinationBucket/);
    expect(await failure(put(configured('other', {}, { AccountId: '999999999999' })))).toMatch(
      /^400 InvalidS3DestinationBucket/,
    );
    expect(await failure(put(configured('bad id!')))).toMatch(/^400 MalformedXML/);
    const command = { Bucket, Id: 'one', InventoryConfiguration: configured('two') };
    expect(await failure(root.send(new s3.PutBucketInventoryConfigurationCommand(command)))).toMatch(/^400 IdMismatch/);
  });

  it('need the right to write at the destination', async () => {
    const allowed = { Effect: 'Allow', Action: 's3:PutInventoryConfiguration', Resource: '*' };
    const without = lake.client(await lake.user('ivo', allowed));
    expect(await failure(put(configured('ivo'), without))).toMatch(/^403 AccessDenied: .*s3:PutObject/);
    const writing = { Effect: 'Allow', Action: 's3:PutObject', Resource: `arn:aws:s3:::${LISTS}/lists/*` };
    const able = lake.client(await lake.user('ivy', allowed, writing));
    expect(await failure(put(configured('ivy'), able))).toBe('done');
  });
});
