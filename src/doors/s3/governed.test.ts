import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../core/caller.ts';
import type { DataEventRecord, TrailEvent } from '../../governance/contract.ts';
import { contextOf } from '../../testing/builders/test-lake.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../testing/builders/s3-lake.ts';
import { patterned } from '../../testing/faults/patterned.ts';

const RESULTS = 'results/ada/';
const allow = (Action: string | string[], Resource: string | string[] = '*') => ({ Effect: 'Allow', Action, Resource });

let lake: S3Lake;
let root: RequestContext;
let asRoot: S3Client;
let asAda: S3Client;
let asBob: S3Client;

beforeAll(async () => {
  lake = await openS3Lake({
    ownerOf: async (_bucket, key) =>
      key.startsWith(RESULTS) ? `arn:aws:iam::${S3_LAKE.accountId}:user/ada` : undefined,
  });
  root = contextOf((await lake.governance.identities.principal(`arn:aws:iam::${S3_LAKE.accountId}:root`))!);
  asRoot = lake.client();
  asAda = lake.client(await lake.user('ada', allow('s3:*'), allow('lakeformation:GetDataAccess')));
  asBob = lake.client(
    await lake.user(
      'bob',
      allow('s3:GetObject', 'arn:aws:s3:::lake/open/*'),
      allow('s3:PutObject', 'arn:aws:s3:::lake/inbox/*'),
      allow('s3:DeleteObject', 'arn:aws:s3:::lake/inbox/*'),
      {
        Effect: 'Allow',
        Action: 's3:ListBucket',
        Resource: 'arn:aws:s3:::lake',
        Condition: { StringLike: { 's3:prefix': 'inbox/*' } },
      },
    ),
  );
  await asRoot.send(new CreateBucketCommand({ Bucket: 'lake' }));
  for (const Key of ['open/a', 'closed/a', `${RESULTS}q.csv`, 'curated/t/data/1.parquet', 'curated/loose']) {
    await asRoot.send(new PutObjectCommand({ Bucket: 'lake', Key, Body: Key })).catch(async () => {
      await lake.objects.put('lake', Key, Buffer.from(Key));
    });
  }
});
afterAll(() => lake.close());

async function nameOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof S3ServiceException) return `${error.$metadata.httpStatusCode} ${error.name}`;
    throw error;
  }
}

const get = (client: S3Client, Key: string) =>
  nameOf(client.send(new GetObjectCommand({ Bucket: 'lake', Key })).then(({ Body }) => Body!.transformToString()));
const put = (client: S3Client, Key: string) =>
  nameOf(client.send(new PutObjectCommand({ Bucket: 'lake', Key, Body: 'x' })));

async function management(since: number): Promise<TrailEvent[]> {
  const { events } = await lake.governance.trail.lookupEvents(root, { start: since, max: 50 });
  return [...events].reverse();
}

async function data(since: number): Promise<DataEventRecord[]> {
  const { events } = await lake.governance.trail.listDataEvents(root, { start: since, max: 50 });
  return [...events].reverse();
}

describe('IAM', () => {
  it('gives each user what his policies allow, object by object and prefix by prefix', async () => {
    expect(await get(asBob, 'open/a')).toBe('none');
    expect(await get(asBob, 'closed/a')).toBe('403 AccessDenied');
    expect(await put(asBob, 'inbox/1')).toBe('none');
    expect(await put(asBob, 'open/2')).toBe('403 AccessDenied');
    const list = (Prefix: string) => nameOf(asBob.send(new ListObjectsV2Command({ Bucket: 'lake', Prefix })));
    expect(await list('inbox/')).toBe('none');
    expect(await list('')).toBe('403 AccessDenied');
    expect(await nameOf(asBob.send(new ListBucketsCommand({})))).toBe('403 AccessDenied');
    expect(await nameOf(asBob.send(new CreateBucketCommand({ Bucket: 'mine' })))).toBe('403 AccessDenied');
    const copy = (Key: string, from: string) =>
      nameOf(asBob.send(new CopyObjectCommand({ Bucket: 'lake', Key, CopySource: `lake/${from}` })));
    expect(await copy('inbox/2', 'open/a')).toBe('none');
    expect(await copy('inbox/2', 'closed/a')).toBe('403 AccessDenied');
    expect(await copy('open/b', 'open/a')).toBe('403 AccessDenied');
  });

  it('does not tell who may not list what is not there', async () => {
    expect(await get(asBob, 'open/nothing')).toBe('403 AccessDenied');
    expect(await get(asAda, 'open/nothing')).toBe('404 NoSuchKey');
    const head = nameOf(asBob.send(new HeadObjectCommand({ Bucket: 'lake', Key: 'open/nothing' })));
    expect(await head).toMatch(/^403/);
  });

  it('deletes of a batch what it may, and tells the rest', async () => {
    const Objects = [{ Key: 'inbox/1' }, { Key: 'closed/a' }];
    const { Deleted, Errors } = await asBob.send(new DeleteObjectsCommand({ Bucket: 'lake', Delete: { Objects } }));
    expect(Deleted).toEqual([{ Key: 'inbox/1' }]);
    expect(Errors).toMatchObject([{ Key: 'closed/a', Code: 'AccessDenied' }]);
    expect(await get(asRoot, 'closed/a')).toBe('none');
  });

  it('keeps query results for their owner, root included', async () => {
    expect(await get(asAda, `${RESULTS}q.csv`)).toBe('none');
    expect(await get(asRoot, `${RESULTS}q.csv`)).toBe('403 AccessDenied');
    expect(await put(asRoot, `${RESULTS}q.csv`)).toBe('403 AccessDenied');
    const copy = new CopyObjectCommand({ Bucket: 'lake', Key: 'stolen', CopySource: `lake/${RESULTS}q.csv` });
    expect(await nameOf(asRoot.send(copy))).toBe('403 AccessDenied');
  });
});

describe('under a registered location', () => {
  const table = { database: 'curated', table: 't' };
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'secret', type: 'string' },
  ];
  const grants = () => lake.governance.grants;
  const ada = `arn:aws:iam::${S3_LAKE.accountId}:user/ada`;
  const file = 'curated/t/data/1.parquet';

  beforeAll(async () => {
    await grants().registerLocation(root, { arn: 'arn:aws:s3:::lake/curated' });
    lake.tables.push({ name: table, columns, location: 'lake/curated/t/' });
  });

  it('needs unfiltered SELECT on the table that owns a file, whatever IAM says, root included', async () => {
    expect(await get(asRoot, file)).toBe('403 AccessDenied');
    expect(await get(asAda, file)).toBe('403 AccessDenied');
    const resource = { kind: 'columns', ...table, include: ['id'] } as const;
    await grants().grant(root, { principal: ada, resource, permissions: ['SELECT'], grantable: [] });
    expect(await get(asAda, file)).toBe('403 AccessDenied');
    const copy = new CopyObjectCommand({ Bucket: 'lake', Key: 'copied', CopySource: `lake/${file}` });
    expect(await nameOf(asAda.send(copy))).toBe('403 AccessDenied');
    const whole = { kind: 'table', ...table } as const;
    await grants().grant(root, { principal: ada, resource: whole, permissions: ['SELECT'], grantable: [] });
    expect(await get(asAda, file)).toBe('none');
    expect(await get(asRoot, file)).toBe('403 AccessDenied');
    await grants().revoke(root, { principal: ada, resource: whole, permissions: ['SELECT'], grantable: [] });
    expect(await get(asAda, file)).toBe('403 AccessDenied');
  });

  it('needs the data location to write, delete or read what no table owns', async () => {
    const location = { kind: 'location', arn: 'arn:aws:s3:::lake/curated' } as const;
    // Who registers a location holds it; so take it from root to see that root is not exempt.
    const held = { principal: root.principal.arn, resource: location, permissions: ['DATA_LOCATION_ACCESS'] } as const;
    await grants().revoke(root, held);
    for (const client of [asRoot, asAda]) {
      expect(await put(client, 'curated/t/data/2.parquet')).toBe('403 AccessDenied');
      const remove = client.send(new DeleteObjectCommand({ Bucket: 'lake', Key: file }));
      expect(await nameOf(remove)).toBe('403 AccessDenied');
      expect(await get(client, 'curated/loose')).toBe('403 AccessDenied');
      const upload = new Upload({
        client,
        params: { Bucket: 'lake', Key: 'curated/u', Body: patterned(6 * 1024 * 1024) },
      });
      expect(await nameOf(upload.done())).toBe('403 AccessDenied');
    }
    await grants().grant(root, { ...held, principal: ada });
    expect(await put(asAda, 'curated/t/data/2.parquet')).toBe('none');
    expect(await get(asAda, 'curated/loose')).toBe('none');
  });
});

describe('the record', () => {
  let since: number;
  beforeEach(() => {
    since = Date.now();
  });

  it('holds bucket operations and refusals as management events, with the request id of the answer', async () => {
    await asRoot.send(new CreateBucketCommand({ Bucket: 'recorded' }));
    const again = asRoot.send(new CreateBucketCommand({ Bucket: 'recorded' }));
    expect(await nameOf(again)).toBe('409 BucketAlreadyOwnedByYou');
    await asRoot.send(new DeleteBucketCommand({ Bucket: 'recorded' }));
    const refused = await asBob
      .send(new GetObjectCommand({ Bucket: 'lake', Key: 'closed/a' }))
      .catch((error: S3ServiceException) => error.$metadata.requestId);
    const found = (await management(since)).map(({ body }) => JSON.parse(body));
    expect(found).toMatchObject([
      { eventName: 'CreateBucket', eventSource: 's3.amazonaws.com', requestParameters: { bucketName: 'recorded' } },
      { eventName: 'CreateBucket', errorCode: 'BucketAlreadyOwnedByYou' },
      { eventName: 'DeleteBucket', readOnly: false },
      { eventName: 'GetObject', errorCode: 'AccessDenied', requestID: refused },
    ]);
  });

  it('holds every access to an object as a data event, also one that failed', async () => {
    await asAda.send(new PutObjectCommand({ Bucket: 'lake', Key: 'seen', Body: patterned(500_000) }));
    const { Body } = await asAda.send(new GetObjectCommand({ Bucket: 'lake', Key: 'seen', Range: 'bytes=0-299999' }));
    await Body!.transformToByteArray();
    await get(asAda, 'open/nothing');
    await get(asBob, 'closed/a');
    await asAda.send(new DeleteObjectCommand({ Bucket: 'lake', Key: 'seen' }));
    const resource = 'arn:aws:s3:::lake/seen';
    expect(await data(since)).toMatchObject([
      { eventName: 'PutObject', resource, bytes: 500_000, principal: expect.stringContaining('user/ada') },
      { eventName: 'GetObject', resource, bytes: 300_000 },
      { eventName: 'GetObject', errorCode: 'object_not_found' },
      { eventName: 'GetObject', errorCode: 'AccessDenied', principal: expect.stringContaining('user/bob') },
      { eventName: 'DeleteObject', resource },
    ]);
  });
});
