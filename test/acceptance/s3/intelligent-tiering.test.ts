/** Intelligent-Tiering through the official client, over simulated days. */
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fixedClock } from '../../../src/core/clock.ts';
import { openS3Lake, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const DAY = 86_400_000;
const Bucket = 'by-use';
const BODY = '2024-01-01,card,approved,EUR\n'.repeat(8000);
let clock: ReturnType<typeof fixedClock>;
let lake: S3Lake;

const open = async () => {
  clock = fixedClock(Date.parse('2024-03-01T12:00:00Z'));
  lake = await openS3Lake({ clock });
  await client().send(new s3.CreateBucketCommand({ Bucket }));
};
const close = () => lake.close();

/** A client that signs by the test's clock. */
const client = () => lake.client(lake.rootKey, { systemClockOffset: clock.now() - Date.now() });
const put = (Key: string, input: Partial<s3.PutObjectCommandInput> = {}) =>
  client().send(new s3.PutObjectCommand({ Bucket, Key, Body: BODY, StorageClass: 'INTELLIGENT_TIERING', ...input }));
const head = (Key: string) => client().send(new s3.HeadObjectCommand({ Bucket, Key }));
const text = async (Key: string) =>
  (await client().send(new s3.GetObjectCommand({ Bucket, Key }))).Body!.transformToString();
const tierOf = async (key: string) => (await lake.objects.head(Bucket, key)).attributes.accessTier ?? 'FREQUENT';

/** Where versions lie: in the cold place, and in the archive. */
async function lying() {
  await lake.objects.tiers!.settle();
  const { tiers } = await lake.objects.tiers!.status();
  return tiers.filter(({ name }) => name !== 'hot').map(({ versions }) => versions);
}

async function days(count: number): Promise<void> {
  clock.advance(count * DAY);
  await lake.upkeep.runDue();
}

async function failure(work: Promise<unknown>) {
  try {
    await work;
  } catch (error) {
    return error as s3.S3ServiceException & { AccessTier?: string; StorageClass?: string };
  }
  throw new Error('It was not refused.');
}

const configuration = (Id: string, change: Partial<s3.IntelligentTieringConfiguration> = {}) => ({
  Id,
  Status: 'Enabled' as const,
  Tierings: [
    { AccessTier: 'ARCHIVE_ACCESS' as const, Days: 90 },
    { AccessTier: 'DEEP_ARCHIVE_ACCESS' as const, Days: 180 },
  ],
  ...change,
});
const configure = (Id: string, change?: Partial<s3.IntelligentTieringConfiguration>) =>
  client().send(
    new s3.PutBucketIntelligentTieringConfigurationCommand({
      Bucket,
      Id,
      IntelligentTieringConfiguration: configuration(Id, change),
    }),
  );

describe('an INTELLIGENT_TIERING object', () => {
  beforeEach(open);
  afterEach(close);

  it('goes to the cold place after thirty days without use, to the instant archive after ninety, and a read brings it back up', async () => {
    const { ETag } = await put('used');
    await put('idle');
    await put('small', { Body: 'small' });
    await put('other', { StorageClass: 'STANDARD' });
    await days(1);
    await days(29);
    expect(await tierOf('idle')).toBe('FREQUENT');
    expect(await text('used')).toBe(BODY);
    await days(1);
    expect([await tierOf('idle'), await tierOf('used')]).toEqual(['INFREQUENT', 'FREQUENT']);
    expect(await lying()).toEqual([1, 0]);
    await days(60);
    expect([await tierOf('idle'), await tierOf('used')]).toEqual(['ARCHIVE_INSTANT', 'INFREQUENT']);
    expect([await tierOf('small'), await tierOf('other')]).toEqual(['FREQUENT', 'FREQUENT']);
    expect(await lying()).toEqual([2, 0]);

    expect(await head('used')).toMatchObject({ ETag, ContentLength: BODY.length, StorageClass: 'INTELLIGENT_TIERING' });
    expect((await head('used')).ArchiveStatus).toBeUndefined();
    expect(await text('used')).toBe(BODY);
    await days(1);
    expect([await tierOf('idle'), await tierOf('used')]).toEqual(['ARCHIVE_INSTANT', 'FREQUENT']);
    expect(await lying()).toEqual([1, 0]);
    expect(await text('used')).toBe(BODY);
    expect(lake.events).toContainEqual(
      expect.objectContaining({
        name: 'storageObjectChanged',
        payload: expect.objectContaining({ key: 'idle', operation: 'IntelligentTiering' }),
      }),
    );
  });

  it('goes to the archives only where the bucket asks for them, and is read again after it was restored', async () => {
    await configure('logs', { Filter: { And: { Prefix: 'logs/', Tags: [{ Key: 'keep', Value: 'long' }] } } });
    await configure('off', { Filter: { Prefix: 'plain' }, Status: 'Disabled' });
    const { ETag } = await put('logs/a', { Tagging: 'keep=long' });
    await put('logs/b');
    await put('plain');
    await days(1);
    await days(90);
    expect(await tierOf('logs/a')).toBe('ARCHIVE_ACCESS');
    expect([await tierOf('logs/b'), await tierOf('plain')]).toEqual(['ARCHIVE_INSTANT', 'ARCHIVE_INSTANT']);
    expect(await lying()).toEqual([2, 1]);
    expect((await head('logs/a')).ArchiveStatus).toBe('ARCHIVE_ACCESS');
    const refused = await failure(text('logs/a'));
    expect(refused).toMatchObject({
      name: 'InvalidObjectState',
      StorageClass: 'INTELLIGENT_TIERING',
      AccessTier: 'ARCHIVE_ACCESS',
      $metadata: { httpStatusCode: 403 },
    });
    await days(90);
    expect(await head('logs/a')).toMatchObject({ ArchiveStatus: 'DEEP_ARCHIVE_ACCESS', ETag });

    const restore = (Key: string) =>
      client().send(
        new s3.RestoreObjectCommand({ Bucket, Key, RestoreRequest: { GlacierJobParameters: { Tier: 'Standard' } } }),
      );
    await restore('logs/a');
    expect(await text('logs/a')).toBe(BODY);
    expect((await failure(restore('logs/b'))).name).toBe('InvalidObjectState');
    await days(1);
    expect(await lying()).toEqual([2, 0]);
    expect((await head('logs/a')).ArchiveStatus).toBeUndefined();
    await days(88);
    expect(await tierOf('logs/a')).toBe('INFREQUENT');
    await days(1);
    expect(await tierOf('logs/a')).toBe('ARCHIVE_ACCESS');
  });

  it('counts its days from when it was first seen in the class, not from when it was written', async () => {
    await put('late', { StorageClass: 'STANDARD' });
    await days(200);
    await lake.objects.updateAttributes({ bucket: Bucket, key: 'late' }, { storageClass: 'INTELLIGENT_TIERING' });
    await days(1);
    expect(await tierOf('late')).toBe('FREQUENT');
    await days(30);
    expect(await tierOf('late')).toBe('INFREQUENT');
  });

  it('is moved as a noncurrent version too, and one that was deleted holds up nothing', async () => {
    const VersioningConfiguration = { Status: 'Enabled' as const };
    await client().send(new s3.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    const { VersionId } = await put('k');
    await put('k');
    await put('gone');
    await days(1);
    await client().send(new s3.DeleteObjectCommand({ Bucket, Key: 'gone' }));
    await days(30);
    const old = await lake.objects.head(Bucket, 'k', { versionId: VersionId! });
    expect(old.attributes.accessTier).toBe('INFREQUENT');
    expect(await lying()).toEqual([3, 0]);
  });
});

describe('the Intelligent-Tiering configurations of a bucket', () => {
  beforeAll(open);
  afterAll(close);

  const get = (Id: string) => client().send(new s3.GetBucketIntelligentTieringConfigurationCommand({ Bucket, Id }));
  const list = (ContinuationToken?: string) =>
    client().send(new s3.ListBucketIntelligentTieringConfigurationsCommand({ Bucket, ContinuationToken }));

  it('come back as they were put, are listed a hundred at a time, and go', async () => {
    const filters: (s3.IntelligentTieringFilter | undefined)[] = [
      undefined,
      { Prefix: 'a/' },
      { Tag: { Key: 'k', Value: 'v' } },
      {
        And: {
          Prefix: 'a/',
          Tags: [
            { Key: 'k', Value: 'v' },
            { Key: 'l', Value: '' },
          ],
        },
      },
    ];
    for (const [i, Filter] of filters.entries()) {
      await configure(`f${i}`, { Filter });
      expect((await get(`f${i}`)).IntelligentTieringConfiguration).toEqual(
        configuration(`f${i}`, Filter === undefined ? {} : { Filter }),
      );
    }
    await Promise.all(Array.from({ length: 100 }, (_, i) => configure(`g${i}`)));
    const first = await list();
    expect(first).toMatchObject({ IsTruncated: true });
    expect(first.IntelligentTieringConfigurationList).toHaveLength(100);
    const last = await list(first.NextContinuationToken);
    expect(last.IsTruncated).toBe(false);
    expect(last.IntelligentTieringConfigurationList).toHaveLength(4);
    await client().send(new s3.DeleteBucketIntelligentTieringConfigurationCommand({ Bucket, Id: 'f0' }));
    const absent = await failure(get('f0'));
    expect([absent.name, absent.$metadata.httpStatusCode]).toEqual(['NoSuchConfiguration', 404]);
  });

  const tiering = (AccessTier: s3.IntelligentTieringAccessTier, Days: number) => ({ Tierings: [{ AccessTier, Days }] });
  it.each([
    ['89 days to the archive', 'x', tiering('ARCHIVE_ACCESS', 89), 'InvalidArgument'],
    ['179 days to the deep archive', 'x', tiering('DEEP_ARCHIVE_ACCESS', 179), 'InvalidArgument'],
    ['more than two years', 'x', tiering('ARCHIVE_ACCESS', 731), 'InvalidArgument'],
    ['a tier that is none', 'x', tiering('WARM' as 'ARCHIVE_ACCESS', 100), 'MalformedXML'],
    ['no tiering', 'x', { Tierings: [] }, 'MalformedXML'],
    [
      'one tier twice',
      'x',
      { Tierings: [...tiering('ARCHIVE_ACCESS', 90).Tierings, ...tiering('ARCHIVE_ACCESS', 91).Tierings] },
      'InvalidArgument',
    ],
    ['a status that is none', 'x', { Status: 'On' as 'Enabled' }, 'MalformedXML'],
    ['an id with a blank', 'a b', {}, 'InvalidArgument'],
    ['another id than that of the request', 'x', { Id: 'y' }, 'InvalidArgument'],
  ] as const)('are refused for %s', async (_, Id, change, code) => {
    const refused = await failure(configure(Id, change as Partial<s3.IntelligentTieringConfiguration>));
    expect([refused.name, refused.$metadata.httpStatusCode]).toEqual([code, 400]);
    expect((await failure(get('x'))).name).toBe('NoSuchConfiguration');
  });

  it('are read and changed only by those who may', async () => {
    const key = await lake.user('reader', {
      Effect: 'Allow',
      Action: 's3:GetIntelligentTieringConfiguration',
      Resource: '*',
    });
    const reader = lake.client(key, { systemClockOffset: clock.now() - Date.now() });
    expect(
      (await reader.send(new s3.ListBucketIntelligentTieringConfigurationsCommand({ Bucket }))).IsTruncated,
    ).toBeDefined();
    const put = reader.send(
      new s3.PutBucketIntelligentTieringConfigurationCommand({
        Bucket,
        Id: 'x',
        IntelligentTieringConfiguration: configuration('x'),
      }),
    );
    expect((await failure(put)).name).toBe('AccessDenied');
  });
});
