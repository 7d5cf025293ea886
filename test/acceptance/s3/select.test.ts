/** SelectObjectContent through the official client, over the door. */
import { gzipSync } from 'node:zlib';
import * as s3 from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contextOf } from '../../../src/testing/builders/test-lake.ts';
import type { LakeResource } from '../../../src/governance/contract.ts';
import { openS3Lake, S3_LAKE, type S3Lake } from '../../../src/testing/builders/s3-lake.ts';

const Bucket = 'asked';
let lake: S3Lake;
let root: s3.S3Client;

beforeAll(async () => {
  lake = await openS3Lake();
  root = lake.client();
  await root.send(new s3.CreateBucketCommand({ Bucket }));
  await put('people.csv', 'name,age\nAda,36\nBob,7\n');
  await put('people.json', '{"name":"Ada","age":36}\n{"name":"Bob","age":7}\n');
});
afterAll(() => lake.close());

const put = (Key: string, Body: string | Uint8Array) => root.send(new s3.PutObjectCommand({ Bucket, Key, Body }));

type Input = Partial<s3.SelectObjectContentCommandInput>;
const csv = { InputSerialization: { CSV: { FileHeaderInfo: 'USE' } }, OutputSerialization: { CSV: {} } } as const;

async function select(Key: string, Expression: string, input: Input = csv, client = root) {
  const output = await client.send(
    new s3.SelectObjectContentCommand({ Bucket, Key, Expression, ExpressionType: 'SQL', ...csv, ...input }),
  );
  const events: string[] = [];
  let records = '';
  let stats: s3.Stats | undefined;
  for await (const event of output.Payload!) {
    events.push(Object.keys(event)[0]!);
    if (event.Records?.Payload !== undefined) records += Buffer.from(event.Records.Payload).toString();
    if (event.Stats?.Details !== undefined) stats = event.Stats.Details;
  }
  return { records, events, stats };
}

const failure = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
    return 'none';
  } catch (error) {
    return `${(error as s3.S3ServiceException).$metadata?.httpStatusCode} ${(error as Error).name}`;
  }
};

it('answers records, then what they cost, then the end', async () => {
  const { records, events, stats } = await select('people.csv', 'SELECT name FROM S3Object WHERE age > 10');
  expect(records).toBe('Ada\n');
  expect(events).toEqual(['Records', 'Stats', 'End']);
  expect(stats).toEqual({ BytesScanned: 22, BytesProcessed: 22, BytesReturned: 4 });
});

it('tells of progress when it is asked to', async () => {
  const { events } = await select('people.csv', 'SELECT * FROM S3Object', { RequestProgress: { Enabled: true } });
  expect(events).toEqual(['Records', 'Progress', 'Stats', 'End']);
});

it('reads JSON and gzip, and the objects of one bucket only', async () => {
  const json = { InputSerialization: { JSON: { Type: 'LINES' } }, OutputSerialization: { JSON: {} } } as const;
  expect((await select('people.json', 'SELECT s.age FROM S3Object s', json)).records).toBe('{"age":36}\n{"age":7}\n');
  await put('people.csv.gz', gzipSync('name,age\nAda,36\n'));
  const packed = { InputSerialization: { CSV: { FileHeaderInfo: 'USE' }, CompressionType: 'GZIP' } } as const;
  expect((await select('people.csv.gz', 'SELECT * FROM S3Object', packed)).records).toBe('Ada,36\n');
});

it('cuts scan ranges so that each record is told once', async () => {
  const rows = Array.from({ length: 50 }, (_, i) => `row-${i},${'x'.repeat(i % 9)}`);
  const body = `${rows.join('\n')}\n`;
  await put('ranged.csv', body);
  let told = '';
  for (let Start = 0; Start < body.length; Start += 100) {
    const range = { InputSerialization: { CSV: {} }, ScanRange: { Start, End: Start + 99 } };
    told += (await select('ranged.csv', 'SELECT * FROM S3Object', range)).records;
  }
  expect(told).toBe(body);
});

it("names what is wrong by S3's own names", async () => {
  expect(await failure(select('people.csv', 'SELEKT * FROM S3Object'))).toBe('400 ParseUnexpectedToken');
  expect(await failure(select('people.csv', 'SELECT CAST(name AS INT) FROM S3Object'))).toBe('400 CastFailed');
  expect(await failure(select('absent.csv', 'SELECT * FROM S3Object'))).toBe('404 NoSuchKey');
  const bzip2 = { InputSerialization: { CSV: {}, CompressionType: 'BZIP2' } } as const;
  expect(await failure(select('people.csv', 'SELECT * FROM S3Object', bzip2))).toBe('501 NotImplemented');
});

it('shows nothing to who may not read the object', async () => {
  const allow = { Effect: 'Allow', Action: 's3:ListBucket', Resource: `arn:aws:s3:::${Bucket}` };
  const nobody = lake.client(await lake.user('nobody', allow));
  expect(await failure(select('people.csv', 'SELECT * FROM S3Object', csv, nobody))).toBe('403 AccessDenied');
});

it('shows nothing of a governed table to who sees only a part of it', async () => {
  const { governance, tables } = lake;
  await put('governed/t/1.csv', 'id,secret\n1,x\n');
  const table = { database: 'curated', table: 't' };
  const columns = [
    { name: 'id', type: 'bigint' },
    { name: 'secret', type: 'string' },
  ];
  tables.push({ name: table, columns, location: `${Bucket}/governed/t/` });
  const context = contextOf((await governance.identities.principal(`arn:aws:iam::${S3_LAKE.accountId}:root`))!);
  await governance.grants.registerLocation(context, { arn: `arn:aws:s3:::${Bucket}/governed` });
  const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
  const ada = lake.client(await lake.user('ada', allow));
  const statement = 'SELECT s.id FROM S3Object s';
  const principal = `arn:aws:iam::${S3_LAKE.accountId}:user/ada`;
  const grant = (resource: LakeResource) =>
    governance.grants.grant(context, { principal, resource, permissions: ['SELECT'], grantable: [] });
  await grant({ kind: 'columns', ...table, include: ['id'] });
  expect(await failure(select('governed/t/1.csv', statement, csv, ada))).toBe('403 AccessDenied');
  await grant({ kind: 'table', ...table });
  expect((await select('governed/t/1.csv', statement, csv, ada)).records).toBe('1\n');
});
